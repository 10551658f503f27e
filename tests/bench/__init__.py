"""Tests of the benchmark itself, on a small scale."""
