"""Pusher events contain the same data as GraphQL."""

from __future__ import annotations

import json
import sys
import uuid
from datetime import UTC, datetime
from typing import Any

import graphql
import pytest
import strawberry

from domain.ledger import kinds, money, transfers
from domain.people import accounts
from domain.streams import Epoch
from jobs.sinks import payloads
from resolvers import root
from schema import events
from tests import served

#: What takes another query, mostly links to other objects: a push has the transaction alone.
LINKS = {"paymentRequest", "reverses", "reversed"}
EPOCH = Epoch(uuid.uuid4(), is_first=True)


def selection(name: str) -> str:
    """Every field of a type that needs no arguments, and of those below it."""
    fields = []
    for field_name, field in served.schema().type_map[name].fields.items():
        if not field.args and field_name not in LINKS:
            below = graphql.get_named_type(field.type)
            is_composite = graphql.is_composite_type(below)
            fields.append(field_name + (selection(below.name) if is_composite else ""))
    return f"{{ {' '.join(fields)} }}"


def as_graphql(event: events.TransactionPosted) -> dict[str, Any]:
    """The event as the served schema would show it."""

    @strawberry.type
    class Query:
        @strawberry.field
        def event(self) -> events.WalletEvent:
            return event

    schema = strawberry.Schema(
        query=Query,
        types=[events.TransactionPosted],
        config=root.strawberry_schema().config,
    )
    fields = selection("TransactionPosted")
    result = schema.execute_sync(f"{{ event {{ ... on TransactionPosted {fields} }} }}")
    assert not result.errors, result.errors
    assert result.data is not None
    shown: dict[str, Any] = result.data["event"]
    return shown


@pytest.mark.parametrize("code", ["USD", "JPY", "KWD"])
@pytest.mark.parametrize("kind", kinds.Kind)
def test_a_push_shows_what_graphql_shows(code: str, kind: kinds.Kind) -> None:
    person = accounts.Person(uuid.uuid4(), "Zoë ☕", "zoe@example.org", None, 0, 0)
    counterparty = person if kind is kinds.Kind.TRANSFER else None
    entry = transfers.Entry(
        user_id=uuid.uuid4(),
        sequence=3,
        reference=uuid.uuid4(),
        kind=kind,
        direction=kinds.Direction.INCOMING,
        amount_minor=123_456,
        fee_minor=0,
        counterparty_id=counterparty and counterparty.user_id,
        note="für “Kaffee”\u200d" if counterparty else None,
        balance_after_minor=1_234_567,
        created_at=datetime(2026, 11, 22, 8, 30, tzinfo=UTC),
        seal=b"s" * 32,
    )
    currency = money.currency(code)
    metadata = [("order", "7"), ("customer", "Zoë & sons")]
    pushed = json.loads(payloads.transaction_posted(entry, counterparty, currency, EPOCH, metadata))
    event = events.transaction_posted(entry, counterparty, currency, metadata)
    assert pushed == {**as_graphql(event), "epoch": str(EPOCH.epoch_id)}


def test_the_largest_payload_fits_a_channels_server() -> None:
    person = accounts.Person(
        uuid.uuid4(), "👩‍👩‍👧‍👦" * 11, f"{'x' * 64}@{'y' * 180}.org", None, 0, 0
    )
    entry = transfers.Entry(
        user_id=uuid.uuid4(),
        sequence=2**31 - 1,
        reference=uuid.uuid4(),
        kind=kinds.Kind.TRANSFER,
        direction=kinds.Direction.OUTGOING,
        amount_minor=10**15,
        fee_minor=10**15,
        counterparty_id=person.user_id,
        note="𝄞" * 140,
        balance_after_minor=2**63 - 1,
        created_at=datetime.now(UTC),
        seal=b"s" * 32,
    )
    metadata = [(f"{number:02}" + "k" * 38, "𝄞" * 500) for number in range(20)]
    pushed = payloads.transaction_posted(entry, person, money.currency("USD"), EPOCH, metadata)
    assert json.loads(pushed)["transaction"]["metadata"] is None
    # Ten in one call, and the text of each is written as ASCII inside it.
    assert max(len(json.dumps(pushed)), sys.getsizeof(pushed)) < 10_240
