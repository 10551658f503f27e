"""What a Pusher event says: the event of the subscription, as JSON."""

from __future__ import annotations

import orjson

from domain.ledger import money, transfers
from domain.people import accounts
from schema import events, plain


def transaction_posted(
    entry: transfers.Entry, counterparty: accounts.Person | None, currency: money.Currency
) -> str:
    """The data of `transaction.posted` for the user whose entry it is."""
    event = events.transaction_posted(entry, counterparty, currency)
    return orjson.dumps(plain.as_json(event)).decode()
