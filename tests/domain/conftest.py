"""Hypothesis settings: the same cases in every run, and no deadline on a busy machine."""

from __future__ import annotations

import hypothesis

hypothesis.settings.register_profile(
    "house", derandomize=True, deadline=None, database=None, max_examples=100
)
hypothesis.settings.load_profile("house")
