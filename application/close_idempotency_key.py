"""Make the outcome of an idempotency key final: the transaction it produced, or none for ever."""

from __future__ import annotations

from application import read_ledger
from application.services import Services
from domain import errors
from domain.authority import Authority
from domain.ledger import kinds, transfers
from domain.ledger.close_key import CloseIdempotencyKey
from persistence.ledger.entry_views import EntryView


async def execute(
    services: Services, authority: Authority, *, kind: kinds.Kind, idempotency_key: str
) -> EntryView | None:
    """The caller's entry that the key produced; None if it produced none and, from now on, never will.

    Raises InvalidInput for a malformed key or a kind without keys, or Unavailable: repeat the call then.
    """
    if kind not in kinds.REQUESTED:
        raise errors.invalid(
            "kind", "Users do not request reversals: there are no keys of this kind."
        )
    key = transfers.check_idempotency_key(idempotency_key)
    movement = await services.ledger.run(CloseIdempotencyKey(authority, kind, key))
    if movement is None:
        return None
    [view] = await read_ledger.views(services, [movement.entry])
    return view
