"""Notifications: created in the commit that causes them, listed, streamed and marked as read."""
