"""The loads that are measured, on all sides in turn, in rounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from rich.console import Console

from bench import bare, measure, users
from bench.measure import Measurement, Spread

#: Sides of a comparison.
STATEMENTS, CALL, WALLET = "pgbench, statements", "pgbench, one call", "wallet"
#: With rate limits counted and an access log written to a file, as it is deployed.
EVERYTHING = "wallet, everything on"
#: On a database that the caller named, such as a cluster.
GIVEN = "wallet, given database"
MERCURIUS, YOGA, POSTGRAPHILE = "Mercurius with JIT", "GraphQL Yoga", "PostGraphile 5"
SHARED = "Mercurius with JIT, shared commits"
#: Like the last, doing the work of the wallet in production.
SAME_WORK = "Mercurius with JIT, the same work"
#: Rivals as they are usually deployed, which commit each request separately.
DEPLOYED = (MERCURIUS, YOGA, POSTGRAPHILE)
#: The number of connections at which most targets apply and all rivals are measured, and a larger one.
CONNECTIONS, MANY_CONNECTIONS = 32, 128


@dataclass(frozen=True, eq=False)
class Kind:
    """A kind of load: the pgbench scripts that produce it, with the share of each; none if pgbench has
    nothing to compare.
    """

    name: str
    scripts: Mapping[str, int]
    to_one: bool = False
    #: Sent by the first so many users only; None for all.
    senders: int | None = None

    @property
    def moves(self) -> bool:
        return bare.TRANSFER in self.scripts


TRANSFERS = Kind("sendMoney", {bare.TRANSFER: 1})
HOT = Kind("everyone pays one", {bare.TRANSFER: 1}, to_one=True)
READS = Kind("viewer", {bare.READ: 1})
PAGE = Kind("20 transactions", {}, senders=users.WITH_PAGES)
MIXED = Kind("4 viewer, 1 sendMoney", {bare.TRANSFER: 1, bare.READ: 4})


@dataclass(frozen=True)
class Comparison:
    """All rounds of all sides under one kind of load, with one number of connections."""

    kind: Kind
    connections: int
    rounds: dict[str, list[Measurement]] = field(default_factory=dict)

    def median(self, side: str, name: str = "per_second") -> float | None:
        """The median over the rounds of that side; None if it was not measured."""
        return measure.median([getattr(each, name) for each in self.rounds.get(side, ())])

    def ratio(self, side: str) -> float | None:
        """The wallet's operations per second divided by those of that side."""
        ours, theirs = self.median(WALLET), self.median(side)
        return ours / theirs if ours and theirs else None

    def spread(self, of: str, to: Sequence[str], name: str = "per_second") -> Spread | None:
        """That figure of one side divided by that of the best of others, with the ratios of single rounds.

        None unless all of them were measured.
        """
        medians = [self.median(side, name) for side in (of, *to)]
        if not all(medians):
            return None
        best = max if name == "per_second" else min
        rounds = [
            getattr(ours, name) / best(getattr(each, name) for each in theirs)
            for ours, *theirs in zip(*(self.rounds[side] for side in (of, *to)), strict=True)
        ]
        [ours, *theirs] = [each for each in medians if each is not None]
        return Spread(ours / best(theirs), min(rounds), max(rounds))

    @property
    def others(self) -> list[str]:
        """The servers other than the wallet."""
        return [side for side in self.rounds if side not in (STATEMENTS, CALL, WALLET)]


class Ledgers(Protocol):
    """The ledgers of a database that is measured."""

    def check(self) -> None:
        """Raises RuntimeError unless they are consistent and contain every transfer that was answered."""

    def tidy(self) -> None:
        """VACUUM and ANALYZE, so that each round starts in the same state."""


class Side(Protocol):
    """A side of the comparison."""

    @property
    def name(self) -> str: ...

    @property
    def ledgers(self) -> Ledgers: ...

    def takes_part(self, kind: Kind, connections: int) -> bool:
        """Whether this load is measured on this side."""

    def measure(self, kind: Kind, connections: int, seconds: int) -> Measurement:
        """Measure one round. Raises RuntimeError if any operation failed."""


def measure_round(
    comparisons: Sequence[Comparison],
    sides: Sequence[Side],
    number: int,
    seconds: int,
    console: Console,
) -> None:
    """Measure one more round of every comparison, and check the ledgers at its end.

    The order of the sides changes each time, so that none always follows the same one.
    """
    all_ledgers = {id(side.ledgers): side.ledgers for side in sides}.values()
    for ledgers in all_ledgers:
        ledgers.tidy()
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
    for ledgers in all_ledgers:
        ledgers.check()


def _in_turn(sides: Sequence[Side], number: int) -> list[Side]:
    first = number % max(1, len(sides))
    return [*sides[first:], *sides[:first]]
