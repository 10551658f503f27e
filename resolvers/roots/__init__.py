"""The root types of the API by subject: the entries of the operations table."""
