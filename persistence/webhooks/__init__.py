"""Webhooks: their rows, signing secrets, deliveries and attempts."""
