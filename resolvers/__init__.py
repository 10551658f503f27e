"""How each root field of the API gets its answer."""
