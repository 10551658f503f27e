"""Counters and histograms for what happens in each request, which cost it next to nothing.

Those of prometheus_client lock, check and look up labels with each event. These count in plain
dictionaries, in the one thread of the event loop, and make Prometheus's form of it when they are scraped.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector


class Tally(Collector):
    """A counter for each combination of values of the labels."""

    def __init__(
        self, name: str, text: str, labels: Sequence[str], *, registry: CollectorRegistry
    ) -> None:
        self._name = name
        self._text = text
        self._labelnames = tuple(labels)
        self._counts: dict[tuple[str, ...], int] = {}
        registry.register(self)

    def count(self, *labels: str) -> None:
        """It happened once more, with those values of the labels."""
        self._counts[labels] = self._counts.get(labels, 0) + 1

    def collect(self) -> Iterator[Metric]:
        """The metric for Prometheus."""
        family = CounterMetricFamily(self._name, self._text, labels=self._labelnames)
        for labels, count in self._counts.items():
            family.add_metric(labels, count)
        yield family


class Distribution(Collector):
    """A histogram for each combination of values of the labels."""

    def __init__(
        self,
        name: str,
        text: str,
        labels: Sequence[str] = (),
        *,
        buckets: Sequence[float],
        registry: CollectorRegistry,
    ) -> None:
        """`buckets` are upper bounds, in ascending order."""
        self._name = name
        self._text = text
        self._labelnames = tuple(labels)
        self._bounds = tuple(buckets)
        self._counts: dict[tuple[str, ...], list[int]] = {}
        self._sums: dict[tuple[str, ...], float] = {}
        if not labels:
            self._counts_of(())
        registry.register(self)

    def observe(self, value: float, *labels: str) -> None:
        """Count the value, with those values of the labels."""
        counts = self._counts.get(labels) or self._counts_of(labels)
        counts[bisect_left(self._bounds, value)] += 1
        self._sums[labels] += value

    def _counts_of(self, labels: tuple[str, ...]) -> list[int]:
        self._sums[labels] = 0.0
        counts = self._counts[labels] = [0] * (len(self._bounds) + 1)
        return counts

    def collect(self) -> Iterator[Metric]:
        """The metric for Prometheus."""
        family = HistogramMetricFamily(self._name, self._text, labels=self._labelnames)
        names = [*(str(float(bound)) for bound in self._bounds), "+Inf"]
        for labels, counts in self._counts.items():
            buckets = list(zip(names, accumulate(counts), strict=True))
            family.add_metric(labels, buckets, self._sums[labels])
        yield family
