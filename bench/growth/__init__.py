"""What operations cost as a database grows."""
