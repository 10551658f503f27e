"""Counters and histograms of our own are served as those of prometheus_client are."""

from __future__ import annotations

import re

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from app.telemetry.tallies import Distribution, Tally

BUCKETS = (0.01, 0.5, 1, 10)
VALUES = (0.0, 0.01, 0.010001, 0.7, 1, 1.5, 10, 11, 1000)


def served(registry: CollectorRegistry) -> list[str]:
    text = generate_latest(registry).decode()
    # The library also tells when each was made.
    return [line for line in text.splitlines() if not re.match(r"(# \w+ )?\w+_created", line)]


def test_what_was_counted_is_served_as_by_the_library() -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    tally = Tally("wallet_a", "A text.", ["name", "outcome"], registry=ours)
    counter = Counter("wallet_a", "A text.", ["name", "outcome"], registry=theirs)
    distribution = Distribution("wallet_b", "B.", ["route"], buckets=BUCKETS, registry=ours)
    histogram = Histogram("wallet_b", "B.", ["route"], buckets=BUCKETS, registry=theirs)
    plain = Distribution("wallet_c", "C.", buckets=BUCKETS, registry=ours)
    plain_histogram = Histogram("wallet_c", "C.", buckets=BUCKETS, registry=theirs)
    assert served(ours) == served(theirs)
    for number, value in enumerate(VALUES):
        outcome = f'"{number % 3}"\n'
        tally.count("sendMoney", outcome)
        counter.labels("sendMoney", outcome).inc()
        distribution.observe(value, outcome)
        histogram.labels(outcome).observe(value)
        plain.observe(value)
        plain_histogram.observe(value)
    assert served(ours) == served(theirs)
