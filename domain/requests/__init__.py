"""Payment requests: what one user asks of another, or of anyone with a link."""
