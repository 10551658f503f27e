"""Medians and percentiles."""

from __future__ import annotations

from bench import measure


def test_a_median_is_of_what_was_measured() -> None:
    assert measure.median([3.0, None, 1.0, 2.0]) == 2.0
    assert measure.median([None]) is None


def test_a_percentile_is_a_measured_value() -> None:
    times = [float(number) for number in range(1, 101)]
    assert measure.percentile(times, 0.5) == 51.0
    assert measure.percentile(times, 0.99) == 100.0
    assert measure.percentile([7.0], 0.99) == 7.0
    assert measure.percentile([], 0.5) == 0.0
