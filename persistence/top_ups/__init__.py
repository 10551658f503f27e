"""Top-ups through a payment provider, what was taken back of them, and what could not be matched."""
