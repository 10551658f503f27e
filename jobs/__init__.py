"""What happens after a commit: the relay and the RQ jobs."""
