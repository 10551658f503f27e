"""Money: amounts, entries of account ledgers, posting and seals."""
