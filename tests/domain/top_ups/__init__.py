"""Tests of the rules of top-ups."""
