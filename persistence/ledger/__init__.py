"""Account ledgers: posted, read, sealed."""
