"""The users of a run who do something special with their accounts: set up together, and at work together."""

from __future__ import annotations

import random
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from torture import confirmers, leavers, restrictors
from torture.caller import Crowd
from torture.client import Answer, Client, Watch
from torture.confirmers import Confirmer
from torture.leavers import Leaver
from torture.link import Link
from torture.payers import Bank, Payer
from torture.restrictors import Lifting, Restrictor
from torture.stack import Stack
from torture.users import User

PAYERS, CAREFUL, LEAVERS = 2, 3, 2
#: What clients are answered that cannot know whether their session or their allowance has ended.
_EXPECTED = frozenset({"UNAUTHENTICATED", "RATE_LIMITED"})


def addresses() -> list[str]:
    """Of all guests, in the order of `Guests`."""
    counts = {"payer": PAYERS, "careful": CAREFUL, "leaver": LEAVERS}
    return [
        f"{name}-{number}@torture.example"
        for name, count in counts.items()
        for number in range(count)
    ]


class Guests:
    """Payers, users with a second factor, and users who close their accounts; and who restricts accounts."""

    def __init__(self, stack: Stack, users: Sequence[User], operators: Sequence[User]) -> None:
        """Prepares the users in the database. Raises psycopg.Error."""
        self._stack = stack
        self._operators = operators
        self._payers = users[:PAYERS]
        self._careful = users[PAYERS : PAYERS + CAREFUL]
        self._leavers = users[PAYERS + CAREFUL :]
        url = stack.direct_url
        self._factors = confirmers.enrol(url, stack.settings, self._careful)
        leavers.prepare(url, self._leavers)

    def at_work(
        self,
        crowd: Crowd,
        links: Sequence[Link],
        rng_of: Callable[[str], random.Random],
        watch: Watch,
        kept: list[Client],
    ) -> list[Coroutine[Any, Any, None]]:
        """All of their behaviour; the last link is to an API process with a provider.

        Their clients are added to `kept`.
        """
        *links, checkout_link = links
        crowd.record.leavers |= {user.user_id for user in self._leavers}

        def lenient(answer: Answer) -> None:
            if answer.code not in _EXPECTED:
                watch(answer)

        def devices(
            rng: random.Random, count: int, ports: Sequence[int] = (), watching: Watch = watch
        ) -> list[Client]:
            made = [
                Client(ports or [each.port for each in links], rng, watching) for _ in range(count)
            ]
            kept.extend(made)
            return made

        work: list[Coroutine[Any, Any, None]] = []
        rng = rng_of("restrictor")
        count = restrictors.AT_ONCE + 2
        work.append(Restrictor(crowd, devices(rng, count), rng, self._operators[0]).run())
        for number, user in enumerate(self._payers):
            rng = rng_of(f"payer {number}")
            operator = Lifting(crowd, devices(rng, 1), rng, self._operators[-1])
            own = devices(rng, 2, [checkout_link.port])
            work.append(Payer(crowd, own, rng, user, Bank(self._stack.provider, operator)).run())
        for number, (user, factors) in enumerate(zip(self._careful, self._factors, strict=True)):
            rng = rng_of(f"careful {number}")
            own = devices(rng, 2, watching=lenient)
            work.append(Confirmer(crowd, own, rng, user, factors).run())
        for number, user in enumerate(self._leavers):
            rng = rng_of(f"leaver {number}")
            own = [*devices(rng, 1, watching=lenient), *devices(rng, leavers.AT_ONCE)]
            work.append(Leaver(crowd, own, rng, user, stays_closed=number == 0).run())
        return work
