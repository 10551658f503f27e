"""What a checker finds: which promise was broken, to whom, and the evidence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

#: What was promised, by number.
PROMISES = {
    1: "The money adds up, and nobody owes any.",
    2: "What was acknowledged happened once, what was refused did not.",
    3: "Reads never go backwards, and the history explains every balance seen.",
    4: "Whoever listens hears everything once and in order.",
    5: "Each mail that was asked for is sent.",
    6: "No deadlock, no error but UNAVAILABLE, and service again within ten seconds.",
    7: "A key that was closed without a transaction never moves money.",
}

#: Of each kind so many are told: one fault of a wallet may break everything that came after it.
MOST_OF_A_KIND = 50


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken promise (1 to 7), in one sentence that has the evidence."""

    promise: int
    #: Whose wallet; None where it is nobody's alone.
    user_id: UUID | None
    #: The key, sequence or fault at which it shows.
    where: str
    sentence: str

    def __str__(self) -> str:
        whose = "" if self.user_id is None else f" of {self.user_id}"
        return f"promise {self.promise}, {self.where}{whose}: {self.sentence}"


def most(found: Iterable[Violation]) -> Iterator[Violation]:
    """The first of them."""
    return islice(found, MOST_OF_A_KIND)


def amount(minor: int | None) -> str:
    """Minor units in a sentence."""
    return "nothing" if minor is None else f"{minor} minor units"
