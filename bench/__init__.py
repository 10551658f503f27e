"""How fast the wallet is, as ratios to what the same PostgreSQL does bare on the same machine."""
