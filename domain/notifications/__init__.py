"""Notifications: what users are told of, numbered per user without gaps."""
