"""Payment requests: created, listed and closed, with a row under each of their users."""
