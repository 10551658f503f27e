"""Subscribers of this process: streams, live updates, and the cache of active credentials."""
