"""The kinds of transaction, and the table of what their entries look like.

A new kind needs its row here, its rules in `persistence.audit.kinds`, a migration with the constraints
that `persistence.ledger.kind_conditions` derives from the row, and its texts in the web client.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from domain.people.sessions import Scope


class Kind(enum.StrEnum):
    """What kind of transaction posted the entry.

    Each kind has idempotency keys of its own: commands that post transactions of the same kind share them.
    """

    TRANSFER = "transfer"
    TOP_UP = "top_up"
    REVERSAL = "reversal"


class Direction(enum.StrEnum):
    """Which way the money went, as the owner of the account sees it."""

    INCOMING = "incoming"
    OUTGOING = "outgoing"


@dataclass(frozen=True, slots=True)
class Rules:
    """What the entries of one kind of transaction look like."""

    #: As the API and the audit describe it.
    description: str
    plural: str
    #: One entry each.
    directions: tuple[Direction, ...]
    #: Whether the entries name another user; None if some do. The money of the others enters or leaves
    #: the wallet.
    has_counterparty: bool | None
    #: The direction of the entry of the user who requested the transaction: it has the idempotency key.
    #: None if no user requests transactions of this kind.
    requested_by: Direction | None
    #: What an API token needs to request one, or to close the key of one. None if no user requests
    #: transactions of this kind.
    scope: Scope | None


RULES: Mapping[Kind, Rules] = {
    Kind.TRANSFER: Rules(
        description="From one user to another.",
        plural="transfers",
        directions=(Direction.OUTGOING, Direction.INCOMING),
        has_counterparty=True,
        requested_by=Direction.OUTGOING,
        scope=Scope.SEND_MONEY,
    ),
    Kind.TOP_UP: Rules(
        description="Added by the viewer from outside the wallet.",
        plural="top-ups",
        directions=(Direction.INCOMING,),
        has_counterparty=False,
        requested_by=Direction.INCOMING,
        scope=Scope.ADD_BALANCE,
    ),
    Kind.REVERSAL: Rules(
        description="Full or partial reversal of a transfer or top-up; see `reverses`.",
        plural="reversals",
        directions=(Direction.OUTGOING, Direction.INCOMING),
        has_counterparty=None,
        requested_by=None,
        scope=None,
    ),
}
#: The kinds that users request, which therefore have idempotency keys.
REQUESTED = tuple(kind for kind, rules in RULES.items() if rules.requested_by is not None)
