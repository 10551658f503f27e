"""Top-ups through a payment provider."""
