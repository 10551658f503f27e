"""Tests of subscriptions, live updates and cached credentials."""
