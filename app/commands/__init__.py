"""What an operator runs: migrate, seed, audit, reseal, and check the configuration."""
