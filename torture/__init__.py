"""Fault injection: moves money while services and processes fail, and checks the outcome."""
