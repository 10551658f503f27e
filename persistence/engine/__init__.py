"""Connections to PostgreSQL, statements, and units of work."""
