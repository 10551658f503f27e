"""Deliberately broken wallets, each of which violates a promise, to test the checker."""
