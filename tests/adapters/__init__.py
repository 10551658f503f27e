"""The adapters, on the real things that they adapt to."""
