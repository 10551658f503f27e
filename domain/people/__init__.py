"""Accounts, and the credentials that act for them."""
