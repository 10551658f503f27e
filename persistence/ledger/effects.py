"""Effects of decisions: those of one kind are one set-based statement of the second round trip."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from domain import ids
from domain.ledger.close_key import CloseKey
from domain.ledger.mails import RequestMail
from domain.ledger.metadata import StoreMetadata
from persistence.engine import pipeline
from persistence.engine.pipeline import Statement
from persistence.ledger import look_ups

_CLOSE_KEYS = b"""
INSERT INTO closed_keys (user_id, kind, idempotency_key, closed_at)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[])
"""
_STORE_METADATA = b"""
INSERT INTO transaction_metadata (user_id, sequence, position, key, value, salt)
SELECT * FROM unnest(
    $1::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::bytea[]
)
"""
# Without a row of the outbox: the relay looks every second for mails that are due. No budget, as no
# stranger chooses them.
_REQUEST_MAILS = b"""
INSERT INTO mails (user_id, id, purpose, details, created_at, trying_since, next_try_at)
SELECT user_id, id, purpose, details::jsonb, requested_at, requested_at, requested_at
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[])
    AS asked (user_id, id, purpose, details, requested_at)
"""


def close_keys(effects: Sequence[CloseKey]) -> Statement:
    """Close the keys."""
    closed_at = pipeline.array(each.closed_at for each in effects)
    return _CLOSE_KEYS, (*look_ups.keys([each.key for each in effects]), closed_at)


def store_metadata(effects: Sequence[StoreMetadata]) -> Statement:
    """Store the metadata of entries."""
    rows = [
        (each.user_id, each.sequence, position, key, value, each.metadata.salt)
        for each in effects
        for position, (key, value) in enumerate(each.metadata.pairs, 1)
    ]
    return _STORE_METADATA, [pipeline.array(column) for column in zip(*rows, strict=True)]


def request_mails(effects: Sequence[RequestMail]) -> Statement:
    """Request the mails."""
    array = pipeline.array
    return (
        _REQUEST_MAILS,
        (
            array(each.user_id for each in effects),
            array(ids.new_id() for _ in effects),
            array(each.purpose.value for each in effects),
            array(orjson.dumps(each.details).decode() for each in effects),
            array(each.requested_at for each in effects),
        ),
    )
