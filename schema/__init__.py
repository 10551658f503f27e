"""What the API looks like: Strawberry types, plain data, no I/O."""
