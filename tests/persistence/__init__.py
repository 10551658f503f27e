"""Tests of persistence, on a real PostgreSQL."""
