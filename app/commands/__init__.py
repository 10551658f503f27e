"""The commands for operators: migrate, seed, audit, reseal, and check the configuration."""
