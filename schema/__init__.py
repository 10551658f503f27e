"""The types of the API: Strawberry types, plain data, no I/O."""
