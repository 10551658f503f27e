"""Look-ups that commands declare: each is one set-based statement of the first round trip."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.ledger import transfers
from domain.ledger.budgets import BudgetOf, TokenBudget
from domain.ledger.decisions import Key
from domain.ledger.kinds import Kind
from domain.ledger.metadata import Metadata, MetadataOf, Pair
from persistence.engine import pipeline
from persistence.engine.pipeline import Rows, Statement
from persistence.engine.prepared import Kept
from persistence.people import credentials


@dataclass(frozen=True, slots=True)
class Query:
    """The query for look-ups of one kind."""

    #: The statement for all of them.
    statement: Callable[[Sequence[Any]], Statement]
    #: The results by look-up; a look-up without a result is left out.
    read: Callable[[Rows], Mapping[Any, object]]


_BUDGETS = Kept(
    f"""
SELECT k.user_id, k.id, k.daily_limit, (
    SELECT coalesce(sum(t.amount + t.fee), 0)::bigint
    FROM transactions AS t
    WHERE t.user_id = k.user_id AND t.api_token_id = k.id AND t.direction = 'outgoing'
        AND t.created_at > clock_timestamp() - $3::interval
)
FROM unnest($1::uuid[], $2::uuid[]) AS asked (user_id, id)
JOIN api_tokens AS k ON k.user_id = asked.user_id AND k.id = asked.id
WHERE {credentials.api_token_is_active("k")}
""".encode()  # noqa: S608
)
_WINDOW = pipeline.parameter(transfers.DAILY_LIMIT_WINDOW)


def budgets(asked: Sequence[BudgetOf]) -> Statement:
    """The budgets of the API tokens that are active."""
    user_ids = pipeline.array(each.user_id for each in asked)
    return _BUDGETS, (user_ids, pipeline.array(each.api_token_id for each in asked), _WINDOW)


def read_budgets(rows: Rows) -> dict[BudgetOf, TokenBudget]:
    """By look-up, the budgets that `budgets` asked for."""
    return {
        BudgetOf(user_id, api_token_id): TokenBudget(daily_limit_minor, spent_minor)
        for user_id, api_token_id, daily_limit_minor, spent_minor in rows
    }


_METADATA = b"""
SELECT t.user_id, t.kind, t.idempotency_key, m.salt, m.key, m.value
FROM unnest($1::uuid[], $2::text[], $3::text[]) AS asked (user_id, kind, key)
JOIN transactions AS t
    ON t.user_id = asked.user_id AND t.kind = asked.kind AND t.idempotency_key = asked.key
JOIN transaction_metadata AS m ON m.user_id = t.user_id AND m.sequence = t.sequence
ORDER BY m.position
"""


def _metadata(asked: Sequence[MetadataOf]) -> Statement:
    return _METADATA, keys([each.key for each in asked])


def _read_metadata(rows: Rows) -> dict[MetadataOf, Metadata]:
    pairs: dict[tuple[Key, bytes], list[Pair]] = {}
    for user_id, kind, idempotency_key, salt, key, value in rows:
        owner = Key(user_id, Kind(kind), idempotency_key), salt
        pairs.setdefault(owner, []).append((key, value))
    return {
        MetadataOf(key): Metadata(tuple(of_entry), salt) for (key, salt), of_entry in pairs.items()
    }


def keys(asked: Sequence[Key]) -> tuple[bytes, bytes, bytes]:
    """Keys as three array parameters: users, kinds, idempotency keys."""
    return (
        pipeline.array(key.user_id for key in asked),
        pipeline.array(key.kind.value for key in asked),
        pipeline.array(key.idempotency_key for key in asked),
    )


BUDGETS = Query(budgets, read_budgets)
METADATA = Query(_metadata, _read_metadata)
