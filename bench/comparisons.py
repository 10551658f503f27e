"""The loads that are measured, each on all sides in turn, round by round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from rich.console import Console

from bench import bare, measure
from bench.measure import Measurement

#: Sides of a comparison; rivals go by their own names.
STATEMENTS, CALL, WALLET = "pgbench, statements", "pgbench, one call", "wallet"
LIMITED = "wallet, counting rate limits"
#: At so many connections the targets count, and rivals are measured.
CONNECTIONS = 32


@dataclass(frozen=True, eq=False)
class Kind:
    """One kind of load: the scripts that make it bare, with the share of each."""

    name: str
    scripts: Mapping[str, int]
    to_one: bool = False

    @property
    def moves(self) -> bool:
        return bare.TRANSFER in self.scripts


TRANSFERS = Kind("sendMoney", {bare.TRANSFER: 1})
HOT = Kind("everyone pays one", {bare.TRANSFER: 1}, to_one=True)
READS = Kind("viewer", {bare.READ: 1})
MIXED = Kind("4 viewer, 1 sendMoney", {bare.TRANSFER: 1, bare.READ: 4})


@dataclass(frozen=True)
class Comparison:
    """The rounds of all sides under one kind of load, at one number of connections."""

    kind: Kind
    connections: int
    rounds: dict[str, list[Measurement]] = field(default_factory=dict)

    def median(self, side: str, name: str = "per_second") -> float | None:
        """The median over the rounds of that side; None where it was not measured."""
        return measure.median([getattr(each, name) for each in self.rounds.get(side, ())])

    def ratio(self, side: str) -> float | None:
        """The wallet's operations per second to those of that side."""
        ours, theirs = self.median(WALLET), self.median(side)
        return ours / theirs if ours and theirs else None

    @property
    def others(self) -> list[str]:
        """The servers beside the wallet."""
        return [side for side in self.rounds if side not in (STATEMENTS, CALL, WALLET)]


class Books(Protocol):
    """The books of one database that is measured."""

    def check(self) -> None:
        """Raises RuntimeError unless they balance and have every transfer that was answered."""

    def tidy(self) -> None:
        """VACUUM and ANALYZE, so that each round begins alike."""


class Side(Protocol):
    """Somebody who is measured."""

    @property
    def name(self) -> str: ...

    @property
    def books(self) -> Books: ...

    def takes_part(self, kind: Kind, connections: int) -> bool:
        """Whether that is measured here."""

    def measure(self, kind: Kind, connections: int, seconds: int) -> Measurement:
        """One round. Raises RuntimeError when anything failed."""


def measure_round(
    comparisons: Sequence[Comparison],
    sides: Sequence[Side],
    number: int,
    seconds: int,
    console: Console,
) -> None:
    """One more round of every comparison, with the books proved at its end.

    Each time another side is the first, so that nobody always follows the same one.
    """
    all_books = {id(side.books): side.books for side in sides}.values()
    for books in all_books:
        books.tidy()
    for place, comparison in enumerate(comparisons):
        kind, connections = comparison.kind, comparison.connections
        taking_part = [side for side in sides if side.takes_part(kind, connections)]
        for side in taking_part:
            comparison.rounds.setdefault(side.name, [])
        for side in _in_turn(taking_part, number + place):
            comparison.rounds[side.name].append(side.measure(kind, connections, seconds))
        last = {side: f"{each[-1].per_second:,.0f}/s" for side, each in comparison.rounds.items()}
        said = ", ".join(f"{side} {rate}" for side, rate in last.items())
        console.print(f"{kind.name}, {connections} clients: {said}", highlight=False)
    for books in all_books:
        books.check()


def _in_turn(sides: Sequence[Side], number: int) -> list[Side]:
    first = number % max(1, len(sides))
    return [*sides[first:], *sides[:first]]
