"""All sides are measured equally often, and their ledgers are checked."""

from __future__ import annotations

from dataclasses import dataclass, field

from rich.console import Console

from bench import comparisons
from bench.comparisons import HOT, READS, TRANSFERS, Comparison, Kind
from bench.measure import Measurement


@dataclass
class Steps:
    """What was done, in order; ledgers that record it."""

    done: list[str] = field(default_factory=list)

    def check(self) -> None:
        self.done.append("check")

    def tidy(self) -> None:
        self.done.append("tidy")


@dataclass(frozen=True)
class Noted:
    """A side that takes part in all but hot loads."""

    name: str
    ledgers: Steps

    def takes_part(self, kind: Kind, connections: int) -> bool:
        return kind is not HOT

    def measure(self, kind: Kind, connections: int, seconds: int) -> Measurement:
        self.ledgers.done.append(self.name)
        return Measurement(seconds, 1.0)


def rounds(compared: list[Comparison], how_many: int) -> list[str]:
    steps = Steps()
    sides = [Noted(name, steps) for name in "abc"]
    for number in range(how_many):
        comparisons.measure_round(compared, sides, number, 2, Console(quiet=True))
    return steps.done


def test_each_side_is_first_once() -> None:
    done = rounds([Comparison(TRANSFERS, 32)], 3)
    assert "".join(each for each in done if len(each) == 1) == "abc" + "bca" + "cab"


def test_ledgers_are_vacuumed_before_a_round_and_checked_after_it() -> None:
    done = rounds([Comparison(TRANSFERS, 32), Comparison(READS, 32)], 1)
    assert (done[0], done[-1], len(done)) == ("tidy", "check", 8)


def test_a_side_that_does_not_take_part_is_not_measured() -> None:
    compared = Comparison(HOT, 32)
    rounds([compared], 1)
    assert compared.rounds == {}


def test_sides_are_printed_in_the_same_order_each_time() -> None:
    compared = Comparison(TRANSFERS, 32)
    rounds([compared], 2)
    assert list(compared.rounds) == ["a", "b", "c"]
