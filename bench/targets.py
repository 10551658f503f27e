"""The targets, and what was measured of them: the table at the top of the results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.comparisons import (
    CONNECTIONS,
    DEPLOYED,
    EVERYTHING,
    HOT,
    MANY_CONNECTIONS,
    MERCURIUS,
    PAGE,
    READS,
    SAME_WORK,
    SHARED,
    STATEMENTS,
    TRANSFERS,
    WALLET,
    Comparison,
    Kind,
)
from bench.measure import Spread
from bench.search import Found
from bench.start import Started
from bench.subscribers import Delivered


@dataclass(frozen=True, slots=True)
class Target:
    """A target, the median that was measured, and the lowest and highest of the rounds."""

    name: str
    reach: float
    measured: Spread
    at_most: bool = False
    unit: str = ""

    @property
    def is_met(self) -> bool:
        median = self.measured.median
        return median <= self.reach if self.at_most else median >= self.reach

    @property
    def cells(self) -> list[str]:
        found = self.measured
        spread = [found.lowest, found.highest] if found.highest > found.lowest else []
        return [
            self.name,
            f"{'≤' if self.at_most else '≥'} {self.reach:g}{self.unit}",
            f"{figure(found.median)}{self.unit}",
            " to ".join(figure(each) for each in spread),
            "reached" if self.is_met else "missed",
        ]


@dataclass(frozen=True, slots=True)
class _Ratio:
    """A target for a figure of one side divided by that of another, or of the best of several."""

    name: str
    reach: float
    kind: Kind
    to: Sequence[str]
    connections: int = CONNECTIONS
    of: str = WALLET
    figure: str = "per_second"
    at_most: bool = False

    def target(self, comparisons: Sequence[Comparison]) -> Target | None:
        """The target with what was measured; None if that is too little."""
        for each in comparisons:
            if (each.kind, each.connections) == (self.kind, self.connections):
                found = each.spread(self.of, self.to, self.figure)
                return None if found is None else Target(self.name, self.reach, found, self.at_most)
        return None


_RATIOS = (
    _Ratio("sendMoney, everything on, to Mercurius with shared commits doing the same work", 0.85,
        TRANSFERS, [SAME_WORK], of=EVERYTHING),
    _Ratio("sendMoney to Mercurius with shared commits", 0.7, TRANSFERS, [SHARED]),
    _Ratio("sendMoney to Mercurius with shared commits, 128 connections", 0.7, TRANSFERS, [SHARED],
        MANY_CONNECTIONS),
    _Ratio("sendMoney to the best rival as deployed", 1.5, TRANSFERS, DEPLOYED),
    _Ratio("sendMoney to pgbench, statements", 2, TRANSFERS, [STATEMENTS]),
    _Ratio("sendMoney to pgbench, statements, 1 connection", 0.85, TRANSFERS, [STATEMENTS], 1),
    _Ratio("everyone pays one, to pgbench, statements", 5, HOT, [STATEMENTS]),
    _Ratio("viewer to the best rival", 1.4, READS, DEPLOYED),
    _Ratio("a page of 20 transactions, to the best rival", 1.2, PAGE, DEPLOYED),
    _Ratio("p99 of sendMoney to that of Mercurius as deployed", 0.6, TRANSFERS, [MERCURIUS],
        figure="p99_ms", at_most=True),
    _Ratio("sendMoney, rate limits and log on, to off", 0.95, TRANSFERS, [WALLET], of=EVERYTHING),
)  # fmt: skip


def measured(
    comparisons: Sequence[Comparison],
    delivered: Delivered | None,
    found: Found | None,
    started: Started | None,
) -> list[Target]:
    """The targets that were measured in this run; at 32 connections unless the name says another number."""
    ratios = [ratio.target(comparisons) for ratio in _RATIOS]
    return [
        *(target for target in ratios if target is not None),
        *(_of_delivery(delivered) if delivered else ()),
        *([Target("search to an unindexed scan", 700, found.ratio)] if found else ()),
        *(_of_start(started) if started else ()),
    ]


def _of_delivery(delivered: Delivered) -> Iterator[Target]:
    if delivered.kib_each is not None:
        memory = Spread.of([delivered.kib_each])
        yield Target("idle subscription", 15, memory, at_most=True, unit=" KiB")
    name = f"delivery to 1 of {delivered.subscribers:,}, p99"
    yield Target(name, 3, delivered.spread("p99_ms"), at_most=True, unit=" ms")
    relayed = delivered.spread("p99_ms", relayed=True)
    yield Target(f"{name}, through the relay", 25, relayed, at_most=True, unit=" ms")


def _of_start(started: Started) -> Iterator[Target]:
    first, second = Spread.of(started.first_seconds), Spread.of(started.second_seconds)
    yield Target("./wallet up, first start", 25, first, at_most=True, unit=" s")
    yield Target("./wallet up, second start", 5, second, at_most=True, unit=" s")


def figure(value: float | None) -> str:
    """With three digits or more; empty for None."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
