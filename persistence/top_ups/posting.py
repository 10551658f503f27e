"""Top-ups in ledger commits: what is looked up, and what changes."""

from __future__ import annotations

from collections.abc import Sequence

from domain.ledger.decisions import Key
from domain.ledger.kinds import Kind
from domain.top_ups.crediting import AbandonTopUp, TopUpOf, TopUpPosted, TopUpState
from persistence.engine import pipeline
from persistence.engine.pipeline import Rows, Statement

_STATES = b"""
SELECT t.user_id, t.idempotency_key, t.status = 'PENDING', t.sequence, t.payment_id
FROM unnest($1::uuid[], $2::text[]) AS asked (user_id, key)
JOIN top_ups AS t ON t.user_id = asked.user_id AND t.idempotency_key = asked.key
"""
_POST = b"""
UPDATE top_ups AS t SET status = 'POSTED', sequence = posted.sequence,
    reference = posted.reference, session_id = posted.session_id, payment_id = posted.payment_id, checkout_url = NULL,
    attend_at = NULL
FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::uuid[], $5::text[], $6::text[])
    AS posted (user_id, id, sequence, reference, session_id, payment_id)
WHERE t.user_id = posted.user_id AND t.id = posted.id AND t.user_id = ANY ($1::uuid[])
"""
# The job has the provider end the session, now if there is one.
_ABANDON = b"""
UPDATE top_ups AS t SET status = 'FAILED', checkout_url = NULL, attend_at = t.created_at
FROM unnest($1::uuid[], $2::text[]) AS closed (user_id, key)
WHERE t.user_id = closed.user_id AND t.idempotency_key = closed.key AND t.status = 'PENDING'
    AND t.user_id = ANY ($1::uuid[])
"""


def states(asked: Sequence[TopUpOf]) -> Statement:
    """The states of the top-ups that were started with those keys."""
    return _STATES, _keys([each.key for each in asked])


def read_states(rows: Rows) -> dict[TopUpOf, TopUpState]:
    """By look-up, the states that `states` asked for."""
    return {
        TopUpOf(Key(user_id, Kind.TOP_UP, key)): TopUpState(is_pending, sequence, payment_id)
        for user_id, key, is_pending, sequence, payment_id in rows
    }


def post(effects: Sequence[TopUpPosted]) -> Statement:
    """Record the top-ups as credited."""
    array = pipeline.array
    return _POST, (
        array(each.user_id for each in effects),
        array(each.top_up_id for each in effects),
        array(each.sequence for each in effects),
        array(each.reference for each in effects),
        array(each.session_id for each in effects),
        array(each.payment_id for each in effects),
    )


def abandon(effects: Sequence[AbandonTopUp]) -> Statement:
    """Let pending top-ups fail, whose keys were closed."""
    return _ABANDON, _keys([each.key for each in effects])


def _keys(keys: Sequence[Key]) -> tuple[bytes, bytes]:
    return (
        pipeline.array(key.user_id for key in keys),
        pipeline.array(key.idempotency_key for key in keys),
    )
