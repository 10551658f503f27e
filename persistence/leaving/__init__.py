"""Accounts that are closed, reopened and erased, and exports of data."""
