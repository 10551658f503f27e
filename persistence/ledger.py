"""Moving money: the locked accounts in, the settlement out, in two round trips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from domain import errors, money, transfers
from domain.accounts import Person
from domain.transfers import Line


@dataclass(frozen=True, slots=True)
class Movement:
    """Money that moved, now or (`replayed`) when this key was first used, and who is concerned."""

    line: Line
    replayed: bool
    #: The caller, as now.
    person: Person
    counterparty: Person | None


class Ledger:
    """The way in which money moves. Make one per process with `open`."""

    @classmethod
    async def open(
        cls,
        url: str,
        limits: money.Limits,
        *,
        connections: int = 8,
        isolation: str = "READ COMMITTED",
    ) -> Self:
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError

    async def move(self, command: transfers.Command) -> Movement:
        raise NotImplementedError

    async def settle(
        self, commands: Sequence[transfers.Command]
    ) -> list[Movement | errors.DomainError]:
        raise NotImplementedError
