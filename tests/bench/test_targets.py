"""The targets, and what was measured of them."""

from __future__ import annotations

from bench import search, targets
from bench.comparisons import (
    DEPLOYED,
    EVERYTHING,
    HOT,
    MERCURIUS,
    POSTGRAPHILE,
    READS,
    SAME_WORK,
    STATEMENTS,
    TRANSFERS,
    WALLET,
    YOGA,
    Comparison,
)
from bench.measure import Measurement, Spread
from bench.search import Found
from bench.start import Started
from bench.subscribers import Delivered, Times
from bench.targets import Target


def rounds(*rates: float, p99_ms: float = 10.0) -> list[Measurement]:
    return [Measurement(10, rate, p99_ms=p99_ms) for rate in rates]


def test_targets_say_what_was_reached_and_what_was_missed() -> None:
    compared = [
        Comparison(TRANSFERS, 1, {STATEMENTS: rounds(100.0), WALLET: rounds(85.0)}),
        Comparison(
            TRANSFERS, 32,
            {
                WALLET: rounds(1000.0, p99_ms=5.0), EVERYTHING: rounds(940.0),
                SAME_WORK: rounds(1000.0), MERCURIUS: rounds(500.0), YOGA: rounds(800.0),
                POSTGRAPHILE: rounds(600.0),
            },
        ),
        Comparison(HOT, 32, {STATEMENTS: rounds(100.0), WALLET: rounds(500.0)}),
    ]  # fmt: skip
    delivered = Delivered(5_000, 15.5, 100, 100, [Times(1.0, 3.0, 4.0)], [Times(5.0, 26.0, 27.0)])
    found = Found(1_000, [search.Round(search_ms=1.0, search_p99_ms=2.0, scan_ms=700.0)])
    started = Started([24.0, 30.0, 20.0], [6.0])
    measured = targets.measured(compared, delivered, found, started)
    assert [(each.reach, each.measured.median, each.is_met) for each in measured] == [
        (0.85, 0.94, True), (1.5, 1.25, False), (0.85, 0.85, True), (5, 5.0, True),
        (0.6, 0.5, True), (0.95, 0.94, False), (15, 15.5, False), (3, 3.0, True),
        (25, 26.0, False), (700, 700.0, True), (25, 24.0, True), (5, 6.0, False),
    ]  # fmt: skip


def test_what_was_not_measured_has_no_target() -> None:
    one_rival = Comparison(READS, 32, {WALLET: rounds(9.0), MERCURIUS: rounds(3.0)})
    assert targets.measured([one_rival], None, None, None) == []


def test_the_best_rival_is_the_best_of_each_round_in_their_spread() -> None:
    compared = Comparison(
        READS, 32,
        {
            WALLET: rounds(6.0, 6.0, 6.0), MERCURIUS: rounds(2.0, 3.0, 2.0),
            YOGA: rounds(1.0, 1.0, 6.0), POSTGRAPHILE: rounds(1.0, 1.0, 1.0),
        },
    )  # fmt: skip
    assert compared.spread(WALLET, DEPLOYED) == Spread(3.0, 1.0, 3.0)


def test_a_bound_from_above_is_reached_below_it() -> None:
    memory = Target("memory", 40, Spread(39.1, 38.0, 41.0), at_most=True, unit=" KiB")
    assert memory.cells == ["memory", "≤ 40 KiB", "39.1 KiB", "38.0 to 41.0", "reached"]
