"""Confirmations of transfers in ledger commits: what is looked up, and what is used up."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from domain.ledger.confirmations import (
    Challenge,
    ChallengeOf,
    PaidBefore,
    PasskeyUse,
    RecoveryCodeUse,
    TotpUse,
    UseChallenge,
    UseFactor,
    UseOf,
)
from domain.people.second_factors import MAXIMUM_ATTEMPTS, Purpose
from persistence.engine import pipeline
from persistence.engine.pipeline import Rows, Statement
from persistence.ledger.look_ups import Query

# As `timesPaid` counts, by the index alone. With `users` the subquery is of the user's own shard.
_PAID = b"""
SELECT asked.user_id, asked.recipient_id
FROM unnest($1::uuid[], $2::uuid[]) AS asked (user_id, recipient_id)
JOIN users AS u ON u.id = asked.user_id
WHERE EXISTS (
    SELECT 1 FROM transactions AS t
    WHERE t.user_id = u.id AND t.counterparty_id = asked.recipient_id
        AND t.kind = 'transfer' AND t.direction = 'outgoing'
)
"""
_CHALLENGES = f"""
SELECT c.user_id, c.id, c.binding, c.expires_at,
    c.used_at IS NULL AND c.attempts < {MAXIMUM_ATTEMPTS}
FROM unnest($1::uuid[], $2::uuid[]) AS asked (user_id, id)
JOIN second_factor_challenges AS c ON c.user_id = asked.user_id AND c.id = asked.id
    AND c.purpose = '{Purpose.TRANSFER.value}'
""".encode()  # noqa: S608
_USE_CHALLENGES = b"""
UPDATE second_factor_challenges AS c SET used_at = used.at
FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS used (user_id, id, at)
WHERE c.user_id = used.user_id AND c.id = used.id AND c.user_id = ANY ($1::uuid[])
"""


def _paid(asked: Sequence[PaidBefore]) -> Statement:
    array = pipeline.array
    return _PAID, (
        array(each.user_id for each in asked),
        array(each.recipient_id for each in asked),
    )


def _read_paid(rows: Rows) -> dict[PaidBefore, bool]:
    return {PaidBefore(*row): True for row in rows}


def _challenges(asked: Sequence[ChallengeOf]) -> Statement:
    array = pipeline.array
    return _CHALLENGES, (
        array(each.user_id for each in asked),
        array(each.challenge_id for each in asked),
    )


def _read_challenges(rows: Rows) -> dict[ChallengeOf, Challenge]:
    return {
        ChallengeOf(user_id, challenge_id): Challenge(binding, expires_at, is_open)
        for user_id, challenge_id, binding, expires_at, is_open in rows
    }


def _uses(kind: type[UseOf], table: bytes, state: bytes) -> Query:
    """The query for the state of factors in that table."""
    statement = (
        b"SELECT f.user_id, f.id, %b FROM unnest($1::uuid[], $2::uuid[]) AS asked (user_id, id) "
        b"JOIN %b AS f ON f.user_id = asked.user_id AND f.id = asked.id"
    ) % (state, table)

    def ask(asked: Sequence[UseOf]) -> Statement:
        user_ids = pipeline.array(each.user_id for each in asked)
        return statement, (user_ids, pipeline.array(each.factor_id for each in asked))

    def read(rows: Rows) -> dict[UseOf, int]:
        return {kind(user_id, factor_id): used for user_id, factor_id, used in rows}

    return Query(ask, read)


PAID = Query(_paid, _read_paid)
CHALLENGES = Query(_challenges, _read_challenges)
TOTP_USES = _uses(TotpUse, b"totp_factors", b"f.last_step")
PASSKEY_USES = _uses(PasskeyUse, b"passkeys", b"f.counter")
RECOVERY_CODE_USES = _uses(
    RecoveryCodeUse, b"recovery_codes", b"CASE WHEN f.used_at IS NULL THEN 0 ELSE 1 END"
)


def use_challenges(effects: Sequence[UseChallenge]) -> Statement:
    """Record the challenges as used."""
    array = pipeline.array
    return _USE_CHALLENGES, (
        array(each.challenge.user_id for each in effects),
        array(each.challenge.challenge_id for each in effects),
        array(each.used_at for each in effects),
    )


def _using(table: bytes, changes: bytes) -> Callable[[Sequence[UseFactor]], Statement]:
    """The statement that records uses of factors in that table."""
    statement = (
        b"UPDATE %b AS f SET %b "
        b"FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::timestamptz[]) "
        b"AS used (user_id, id, state, at) "
        b"WHERE f.user_id = used.user_id AND f.id = used.id AND f.user_id = ANY ($1::uuid[])"
    ) % (table, changes)

    def write(effects: Sequence[UseFactor]) -> Statement:
        array = pipeline.array
        return statement, (
            array(each.use.user_id for each in effects),
            array(each.use.factor_id for each in effects),
            array(each.state for each in effects),
            array(each.used_at for each in effects),
        )

    return write


use_totp = _using(b"totp_factors", b"last_step = used.state, last_used_at = used.at")
use_passkeys = _using(b"passkeys", b"counter = used.state, last_used_at = used.at")
use_recovery_codes = _using(b"recovery_codes", b"used_at = used.at")
