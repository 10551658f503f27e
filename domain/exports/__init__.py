"""Exports of all data held about a user: their states, their links and their archives."""
