"""Tests of the GraphQL transports and execution."""
