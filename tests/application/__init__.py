"""Use cases, without a request."""
