"""Accounts, registrations, credentials, and the search for users."""
