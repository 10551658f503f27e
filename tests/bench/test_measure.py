"""Medians, percentiles and what the report makes of them."""

from __future__ import annotations

from bench import measure
from bench.measure import Measurement
from bench.report import Comparison


def test_a_median_is_of_what_was_measured() -> None:
    assert measure.median([3.0, None, 1.0, 2.0]) == 2.0
    assert measure.median([None]) is None


def test_a_percentile_is_a_measured_value() -> None:
    times = [float(number) for number in range(1, 101)]
    assert measure.percentile(times, 0.5) == 51.0
    assert measure.percentile(times, 0.99) == 100.0
    assert measure.percentile([7.0], 0.99) == 7.0
    assert measure.percentile([], 0.5) == 0.0


def test_the_ratio_is_of_medians() -> None:
    bare = [Measurement(10, per_second) for per_second in (1_000.0, 10.0, 2_000.0)]
    wallet = [Measurement(10, rate, p50_ms=5.0, p99_ms=9.0) for rate in (250.0, 250.0, 1.0)]
    comparison = Comparison(32, bare, wallet)
    assert comparison.ratio == 0.25
    assert comparison.cells == ["32", "1,000", "250", "0.25", "5.0", "9.0"]
