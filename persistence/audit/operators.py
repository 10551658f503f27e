"""Checks of operators: the log that they leave, its seals, and who is one."""

from __future__ import annotations

from collections.abc import AsyncIterator

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.operators import log
from domain.operators.log import ActionKind, RecordType
from persistence.audit import checks
from persistence.audit.checks import Check
from persistence.operators import log_rows

_RECORDS = text(f"SELECT {log_rows.COLUMNS} FROM operator_records ORDER BY position")  # noqa: S608
_HEAD = text("SELECT id, position, number, seal FROM operator_log")
_AT_ONCE = 1_000
_TABLE = "operator_records"


async def faults(connection: AsyncConnection, key: bytes) -> AsyncIterator[tuple[str, str, str]]:
    """The first fault of the log, as table, key and sentence; then that of its end, if it is not there."""
    head, fault = log.Head(), False
    async for rows in (await connection.stream(_RECORDS)).partitions(_AT_ONCE):
        for row in rows:
            sentence = _fault(head, row, key)
            if sentence is not None and not fault:
                fault = True
                yield _TABLE, str(row.position), sentence
            number = head.number if row.number is None else row.number
            head = log.Head(row.position, number, row.seal)
    stored = [tuple(row) for row in await connection.execute(_HEAD)]
    if stored != [(1, head.position, head.number, head.seal)]:
        yield (
            "operator_log",
            "1",
            "It is not the end of the log of operators: records were removed.",
        )


def _fault(head: log.Head, row: object, key: bytes) -> str | None:
    values = tuple(row)  # type: ignore[arg-type, var-annotated]
    position, type_, number = values[:3]
    if position != head.position + 1:
        return f"A record is missing: the one before is {head.position}."
    try:
        record = log_rows.from_row(values)
    except ValueError:
        return "Its type or its kind is unknown."
    is_action = type_ in (RecordType.ACTION, RecordType.PROPOSAL)
    if number != (head.number + 1 if is_action else None):
        return "Its number is not the next one."
    if log.seal(key, record, head.seal) != record.seal:
        return (
            "Its seal does not match: it is the first record that was changed, inserted or moved, or that "
            "was sealed with another AUDIT_KEY."
        )
    return None


_CONTENT = f"""
SELECT key, sentence FROM (
    SELECT r.position::text AS key, concat_ws(' ',
        CASE WHEN r.type NOT IN ({checks.quoted(RecordType)}) THEN 'Its type is unknown.' END,
        CASE WHEN r.kind NOT IN ({checks.quoted(ActionKind)}) THEN 'Its kind is unknown.' END,
        CASE WHEN r.operator_id IN (r.account_id, r.other_account_id)
            THEN 'The operator acted on their own account.' END,
        CASE WHEN u.id IS NULL THEN 'Its account does not exist.' END,
        CASE WHEN r.operator_id IS NOT NULL AND o.id IS NULL THEN 'Its operator does not exist.' END,
        CASE WHEN r.created_at > clock_timestamp() THEN 'It was created in the future.' END,
        CASE WHEN r.decides IS NOT NULL AND p.number IS NULL THEN 'It decides no proposal.' END,
        CASE WHEN p.operator_id = r.operator_id THEN 'The operator decided their own proposal.' END,
        CASE WHEN r.operator_id IN (p.account_id, p.other_account_id)
            THEN 'The operator decided about their own account.' END,
        CASE WHEN p.position > r.position THEN 'It was decided before it was proposed.' END
    ) AS sentence
    FROM operator_records AS r
    LEFT JOIN users AS u ON u.id = r.account_id
    LEFT JOIN users AS o ON o.id = r.operator_id
    LEFT JOIN operator_records AS p ON p.number = r.decides AND p.type = 'proposal'
) AS record
WHERE sentence <> ''
"""  # noqa: S608
_ONCE = """
SELECT decides::text AS key, format('This proposal was decided %s times.', count(*)) AS sentence
FROM operator_records WHERE decides IS NOT NULL GROUP BY decides HAVING count(*) > 1
"""
# Operators are the users whose newest record says so.
_WHO = """
SELECT coalesce(o.user_id, newest.account_id)::text AS key, CASE
    WHEN o.user_id IS NULL THEN 'The log says that this user is an operator, and it is not one.'
    ELSE 'The log does not say that this user became an operator then.'
    END AS sentence
FROM operators AS o
FULL JOIN (
    SELECT DISTINCT ON (account_id) account_id, type, created_at FROM operator_records
    WHERE type IN ('addition', 'removal') ORDER BY account_id, position DESC
) AS newest ON newest.account_id = o.user_id
WHERE (o.user_id IS NOT NULL) <> (coalesce(newest.type, 'removal') = 'addition')
    OR o.added_at <> newest.created_at
"""

# What was reversed by an action, or by a proposal that was approved.
_POSTED = """
SELECT r.position::text AS key, CASE
    WHEN t.user_id IS NULL THEN 'The reversal that it posted does not exist.'
    ELSE 'The reversal that it posted is of another transaction, account or amount.'
    END AS sentence
FROM (
    SELECT r.position, r.account_id, r.other_account_id, r.posted_reference,
        coalesce(p.reference, r.reference) AS reference, coalesce(p.amount, r.amount) AS amount
    FROM operator_records AS r LEFT JOIN operator_records AS p ON p.number = r.decides
    WHERE r.posted_reference IS NOT NULL
) AS r
LEFT JOIN transactions AS t ON t.user_id = r.account_id AND t.reference = r.posted_reference
WHERE (
    t.kind = 'reversal' AND t.direction = 'outgoing' AND t.reverses = r.reference
    AND t.amount = r.amount AND t.counterparty_id IS NOT DISTINCT FROM r.other_account_id
) IS NOT TRUE
"""
_UNRECORDED = """
SELECT concat(t.user_id, '/', t.sequence) AS key,
    'Neither the log of operators nor the provider of a top-up says who reversed this.' AS sentence
FROM transactions AS t
LEFT JOIN operator_records AS r ON r.posted_reference = t.reference
LEFT JOIN top_up_reversal_entries AS p ON p.user_id = t.user_id AND p.reference = t.reference
WHERE t.kind = 'reversal' AND t.direction = 'outgoing' AND r.position IS NULL AND p.user_id IS NULL
"""

# What the newest record about a restriction says is in force; a provider restricts too, and that has no record.
_RESTRICTED = """
WITH newest AS (
    SELECT DISTINCT ON (r.account_id, barred.name) r.account_id, barred.name,
        r.kind = 'RESTRICT' AND coalesce(r.until > clock_timestamp(), true) AS in_force
    FROM operator_records AS r CROSS JOIN (VALUES ('SENDING'), ('RECEIVING'), ('ADDING')) AS barred (name)
    WHERE r.kind = 'LIFT'
        OR r.kind = 'RESTRICT' AND barred.name = ANY(string_to_array(upper(r.restrictions), ','))
    ORDER BY r.account_id, barred.name, r.position DESC
),
stored AS (
    SELECT u.id, barred.name, coalesce(barred.until > clock_timestamp(), false) AS in_force
    FROM users AS u CROSS JOIN LATERAL (VALUES
        ('SENDING', u.sending_restricted_until), ('RECEIVING', u.receiving_restricted_until),
        ('ADDING', u.adding_restricted_until)
    ) AS barred (name, until)
    WHERE u.closed_at IS NULL
)
SELECT s.id::text AS key, CASE WHEN s.in_force
    THEN format('Nobody has barred this account from %s.', s.name)
    ELSE format('This account was barred from %s, and it is not.', s.name)
    END AS sentence
FROM stored AS s LEFT JOIN newest AS n ON n.account_id = s.id AND n.name = s.name
WHERE CASE WHEN s.in_force
    THEN n.in_force IS NOT TRUE AND s.id NOT IN (SELECT user_id FROM top_up_reversals WHERE is_short)
    ELSE n.in_force IS TRUE OR n.account_id IS NULL AND s.name <> 'RECEIVING'
        AND s.id IN (SELECT user_id FROM top_up_reversals WHERE is_short AND status = 'WAITING') END
"""
# The function is identified by the MD5 of its text: a migration that changes it changes this.
_REFUSES_CHANGE = "5977a475456bb407d323c51fab6b7618"
_GUARDS = f"""
SELECT wanted.name AS key,
    'This trigger, which guards the log of operators, is missing, off or changed.' AS sentence
FROM (VALUES ('operator_records_append_only'), ('operator_records_not_truncated')) AS wanted (name)
LEFT JOIN pg_trigger AS t ON t.tgname = wanted.name AND t.tgenabled IN ('O', 'A')
    AND t.tgrelid = to_regclass('operator_records')
LEFT JOIN pg_proc AS p ON p.oid = t.tgfoid AND p.proname = 'refuse_change_of_operator_records'
    AND md5(p.prosrc) = '{_REFUSES_CHANGE}'
WHERE p.oid IS NULL
"""  # noqa: S608

CHECKS = (
    Check("reversals by operators", _TABLE, _POSTED),
    Check("who reversed transactions", "transactions", _UNRECORDED),
    Check("records of operators", _TABLE, _CONTENT),
    Check("decisions of operators", _TABLE, _ONCE),
    Check("who is an operator", "operators", _WHO),
    Check("restricted accounts", "users", _RESTRICTED),
    Check("the guards of the log of operators", "pg_trigger", _GUARDS),
)
