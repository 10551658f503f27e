"""Tests of the work after a commit: the relay, the queues, the workers and their jobs."""
