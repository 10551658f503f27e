"""Accounts of people, and the credentials that act for them."""
