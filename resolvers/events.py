"""`walletEvents`: live events of the viewer's wallet."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

import strawberry

from domain.ledger import money
from persistence.ledger.entry_views import EntryView
from realtime.subscriptions import Subscription
from resolvers.epochs import EPOCH
from resolvers.operations import Info
from schema import events
from schema.arguments import Description, given


async def wallet_events(
    info: Info,
    after_sequence: Annotated[
        int | None,
        Description(
            "The last sequence that the client has seen; everything posted after it is delivered first."
        ),
    ] = strawberry.UNSET,
    epoch: EPOCH = strawberry.UNSET,
) -> AsyncIterator[events.WalletEvent]:
    """The stream has begun when this returns.

    Raises BadUserInput for an `afterSequence` that is not in the viewer's ledger, and EpochEnded.
    """
    services = info.context.services
    (await services.live.epoch()).require(given(epoch), given(after_sequence))
    stream = services.live.entries(info.context.caller.user_id, given(after_sequence))
    await stream.start()
    return _Shown(stream, services.limits.currency)


class _Shown(AsyncIterator[events.WalletEvent]):
    """A stream of entries as the API shows them.

    Not a generator, because one that is closed before its first step never runs its `finally`.
    """

    __slots__ = ("_currency", "_stream")

    def __init__(self, stream: Subscription[EntryView], currency: money.Currency) -> None:
        self._stream = stream
        self._currency = currency

    async def __anext__(self) -> events.WalletEvent:
        view = await anext(self._stream)
        return events.transaction_posted(
            view.entry, view.counterparty, self._currency, view.metadata
        )

    async def aclose(self) -> None:
        self._stream.close()

    def __del__(self) -> None:
        self._stream.close()
