"""Delivery after a commit: the outbox, streams, the cursors of sinks, and mails."""
