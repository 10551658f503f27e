"""Use cases, one module each, callable from resolvers, jobs and commands."""
