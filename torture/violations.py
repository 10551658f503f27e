"""A violation: which promise was broken, for which user, with the evidence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

#: The promises, by number.
PROMISES = {
    1: "The money adds up, and no balance is negative.",
    2: "Acknowledged commands took effect exactly once, refused ones did not.",
    3: "Reads never go backwards, and the ledger explains every balance returned.",
    4: "Subscribers receive every event exactly once and in order.",
    5: "Every requested mail is sent.",
    6: "No deadlocks, no errors but UNAVAILABLE, and service within ten seconds after a fault.",
    7: "A key that was closed without a transaction never moves money.",
    8: "Receivers of webhooks end with exactly the stream's events, in order.",
    9: "A payment request is closed once, in one way, and paid by one transaction.",
    10: "Each run of a scheduled transfer that is due sends money once, in order.",
    11: "The payment provider and the ledgers agree.",
    12: "A restricted account posts nothing that it is barred from, a closed one nothing at all.",
    13: "A second factor confirms one transfer, and none is sent without it.",
}

#: So many of a kind are reported: one defect may violate everything that comes after it.
MOST_OF_A_KIND = 50


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken promise (1 to 13), described with its evidence."""

    promise: int
    #: The user concerned; None if it concerns all.
    user_id: UUID | None
    #: The key, sequence or fault at which it was detected.
    where: str
    sentence: str

    def __str__(self) -> str:
        whose = "" if self.user_id is None else f" of {self.user_id}"
        return f"promise {self.promise}, {self.where}{whose}: {self.sentence}"


def most(found: Iterable[Violation]) -> Iterator[Violation]:
    """The first of them."""
    return islice(found, MOST_OF_A_KIND)


def amount(minor: int | None) -> str:
    """An amount in minor units, in words."""
    return "nothing" if minor is None else f"{minor} minor units"
