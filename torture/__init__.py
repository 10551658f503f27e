"""Moves money under every failure that can be made on one machine, and checks what came of it."""
