"""Accounts, registrations, credentials, and finding people."""
