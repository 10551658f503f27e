"""Tests of the business rules: no services, no clock, no network."""
