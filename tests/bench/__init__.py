"""The benchmark itself, in small."""
