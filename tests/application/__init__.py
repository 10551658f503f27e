"""Tests of the use cases, without requests."""
