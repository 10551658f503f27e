"""What a Pusher event says: the event of the subscription, as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import orjson

from domain.ledger import money, transfers
from domain.ledger.metadata import Pair
from domain.notifications.views import View
from domain.people import accounts
from domain.streams import Epoch
from schema import events, notifications, plain

#: The most that a Channels server accepts as the data of an event, which the client library escapes.
MAXIMUM_BYTES = 10_240


def transaction_posted(
    entry: transfers.Entry,
    counterparty: accounts.Person | None,
    currency: money.Currency,
    epoch: Epoch,
    metadata: Sequence[Pair] = (),
) -> str:
    """The data of `transaction.posted` for the user whose entry it is, and the epoch of its sequence.

    Metadata that does not fit is null instead of a list: listeners read it with the API.
    """
    shown = plain.as_json(events.transaction_posted(entry, counterparty, currency, metadata))
    return _fitting({**shown, "epoch": str(epoch.epoch_id)})


def notification_created(view: View, currency: money.Currency, epoch: Epoch) -> str:
    """The data of `notification.created`. Epoch and metadata are as in `transaction_posted`."""
    shown = plain.as_json(notifications.shown(view, currency))
    return _fitting({**shown, "epoch": str(epoch.epoch_id)})


def _fitting(shown: dict[str, Any]) -> str:
    data = orjson.dumps(shown).decode()
    transaction = shown["transaction"]
    # The client library measures the text in memory, four bytes per character if one of them needs them.
    if (
        transaction is not None
        and transaction["metadata"]
        and max(sys.getsizeof(data), len(json.dumps(data))) >= MAXIMUM_BYTES
    ):
        transaction["metadata"] = None
        data = orjson.dumps(shown).decode()
    return data
