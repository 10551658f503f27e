"""Writes what the client libraries derive from the schema: `python -m clients.generate`."""
