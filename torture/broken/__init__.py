"""Wallets that break a promise each, and a small crowd that shows it: the proof of the checker."""
