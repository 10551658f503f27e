"""How it is stored: the only rooms that speak SQL."""
