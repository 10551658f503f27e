"""The benchmark: the wallet's speed as ratios to the bare speed of the same PostgreSQL."""
