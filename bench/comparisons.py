"""The loads that are measured on each side in turn, round by round."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, cast

from rich.console import Console

from app import auditing
from app.dev_services.processes import Child
from bench import bare, load, measure, people, wallet
from bench.load import Request
from bench.measure import Measurement
from bench.services import Services

#: The sides of a comparison; rivals go by their own names.
STATEMENTS, CALL, WALLET = "pgbench, statements", "pgbench, one call", "wallet"


@dataclass(frozen=True)
class Kind:
    """One kind of load: the requests to the wallet, and the scripts that do the same bare."""

    name: str
    requests: Sequence[Request]
    scripts: Mapping[str, Mapping[str, int]]
    to_one: bool = False


TRANSFERS = Kind("sendMoney", [wallet.SEND], {STATEMENTS: bare.STATEMENTS, CALL: bare.CALL})
HOT = Kind("everyone pays one", [wallet.SEND], {STATEMENTS: bare.STATEMENTS}, to_one=True)
READS = Kind("viewer", [wallet.READ], {STATEMENTS: bare.READ})
MIXED = Kind("4 viewer, 1 sendMoney", wallet.MIXED, {STATEMENTS: bare.MIXED})


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
    def rivals(self) -> list[str]:
        return [side for side in self.rounds if side not in (STATEMENTS, CALL, WALLET)]


class Rivals(Protocol):
    """What `bench.rivals` offers."""

    def measure(
        self, stack: Services, people: int, connections: int, seconds: int
    ) -> dict[str, Measurement]:
        """One round of each rival on a database of its own, by name."""


def find_rivals() -> Rivals:
    """The servers of others with the same transfer. Raises RuntimeError where they are not at hand."""
    try:
        return cast(Rivals, importlib.import_module("bench.rivals"))
    except ImportError as error:
        raise RuntimeError(f"The rivals cannot be measured: {error}.") from error


@dataclass(frozen=True)
class Sides:
    """Where the sides are: the floor, and the wallet with its people."""

    floor: Services
    wallet: Services
    api: Child
    tokens: Path
    people: int

    def measure(
        self, comparison: Comparison, seconds: int, rivals: Rivals | None, console: Console
    ) -> None:
        """One more round of each side."""
        kind, connections = comparison.kind, comparison.connections
        for side, scripts in kind.scripts.items():
            measured = bare.run(
                self.floor.server.programs, self.floor.database_url,
                connections=connections, seconds=seconds, people=self.people,
                scripts=scripts, to_one=kind.to_one,
            )  # fmt: skip
            comparison.rounds.setdefault(side, []).append(measured)
        measured = load.run(
            self.wallet.graphql_url, self.tokens, kind.requests,
            connections=connections, seconds=seconds, to_one=kind.to_one, servers=[self.api.pid],
        )  # fmt: skip
        comparison.rounds.setdefault(WALLET, []).append(measured)
        if rivals is not None:
            for name, each in rivals.measure(
                self.wallet, self.people, connections, seconds
            ).items():
                comparison.rounds.setdefault(name, []).append(each)
        last = {side: f"{each[-1].per_second:,.0f}/s" for side, each in comparison.rounds.items()}
        said = ", ".join(f"{side} {rate}" for side, rate in last.items())
        console.print(f"{kind.name}, {connections} clients: {said}", highlight=False)

    def check_books(self) -> None:
        """Raises RuntimeError unless the books of both sides balance."""
        bare.check_books(self.floor.database_url)
        if auditing.audit(self.wallet.settings) != 0:
            raise RuntimeError("The wallet's books do not balance.")


def settle_in(stack: Services, how_many: int) -> tuple[Services, Services, Path]:
    """The floor's side, the wallet's side, and the tokens of its people."""
    floor, ours = stack.with_database("floor"), stack.with_database("measured")
    for side in (floor, ours):
        people.settle_in(side.database_url, how_many, audit_key=side.settings.sealing_key)
    bare.prepare(floor.database_url)
    tokens = people.write_tokens(
        stack.folder / "tokens", how_many, issuer=ours.issuer, secret=ours.secret
    )
    return floor, ours, tokens
