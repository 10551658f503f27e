"""The client libraries, and the generator of what they derive from the schema."""
