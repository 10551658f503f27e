"""Checks of scheduled transfers and their runs: each run that was sent is one transfer, and no other is."""

from __future__ import annotations

from domain.notifications.notification_kinds import NotificationKind
from domain.schedules.recurrence import RecurrenceUnit
from domain.schedules.schedules import RUN_KEY_PATTERN, RunStatus, ScheduleStatus
from persistence.audit import checks
from persistence.audit.checks import Check

# The recipients are looked up before the join: on a cluster, they are on other nodes than the schedules.
_SCHEDULES = f"""
WITH recipients AS MATERIALIZED (
    SELECT id FROM users WHERE id IN (SELECT recipient_id FROM scheduled_transfers)
)
SELECT key, sentence FROM (
    SELECT s.user_id || '/' || s.id AS key, concat_ws(' ',
        CASE WHEN u.id IS NULL THEN 'The user of this scheduled transfer does not exist.' END,
        CASE WHEN recipient.id IS NULL OR s.recipient_id = s.user_id
            THEN 'Its recipient does not exist, or is its user.' END,
        CASE WHEN s.api_token_id IS NOT NULL AND k.id IS NULL
            THEN 'It was created with an API token that this user never had.' END,
        CASE WHEN s.status NOT IN ({checks.quoted(ScheduleStatus)}) THEN 'Its status is unknown.' END,
        CASE WHEN s.amount <= 0 THEN 'It sends nothing.' END,
        CASE WHEN s.recurrence_unit NOT IN ({checks.quoted(RecurrenceUnit)})
            OR (s.recurrence_unit IS NULL) <> (s.recurrence_interval IS NULL)
            OR s.recurrence_interval NOT BETWEEN 1 AND 1000 OR s.ends_on < s.starts_on
            THEN 'There are no dates that match its recurrence.' END,
        CASE WHEN s.starts_on < (s.created_at - interval '1 day')::date
            THEN 'It starts before it was created.' END,
        CASE WHEN s.created_at > clock_timestamp() THEN 'It was created in the future.' END,
        CASE WHEN (s.status = 'ACTIVE') <> (s.attempt_at IS NOT NULL)
            OR NOT isfinite(s.attempt_at) OR s.attempt_at < s.created_at
            THEN 'When it is to be attempted does not match its status.' END,
        CASE WHEN s.next_number <> coalesce(r.newest, 0) + 1
            OR coalesce(r.runs, 0) <> coalesce(r.newest, 0) OR r.oldest <> 1
            THEN format('It has %s runs with numbers up to %s, but the next is %s.',
                coalesce(r.runs, 0), coalesce(r.newest, 0), s.next_number) END,
        CASE WHEN r.waiting > 1 OR (r.waiting > 0 AND s.status = 'ENDED')
            THEN 'A run is waiting, although it has ended or another one is waiting too.' END
    ) AS sentence
    FROM scheduled_transfers AS s
    LEFT JOIN users AS u ON u.id = s.user_id
    LEFT JOIN recipients AS recipient ON recipient.id = s.recipient_id
    LEFT JOIN api_tokens AS k ON k.user_id = s.user_id AND k.id = s.api_token_id
    LEFT JOIN (
        SELECT user_id, schedule_id, count(*) AS runs, min(number) AS oldest, max(number) AS newest,
            count(*) FILTER (WHERE status = 'WAITING') AS waiting
        FROM scheduled_runs GROUP BY user_id, schedule_id
    ) AS r ON r.user_id = s.user_id AND r.schedule_id = s.id
) AS scheduled
WHERE sentence <> ''
"""  # noqa: S608

_RUNS = f"""
SELECT key, sentence FROM (
    SELECT concat_ws('/', r.user_id, r.schedule_id, r.number) AS key, concat_ws(' ',
        CASE WHEN s.id IS NULL THEN 'The scheduled transfer of this run does not exist.' END,
        CASE WHEN r.status NOT IN ({checks.quoted(RunStatus)}) THEN 'Its status is unknown.' END,
        CASE WHEN (r.status = 'SENT') <> (r.sequence IS NOT NULL) OR (r.status = 'SENT' AND r.refusal IS NOT NULL)
            THEN 'Its status does not match its entry and its refusal.' END,
        CASE WHEN r.due_at > clock_timestamp() OR r.due_at < s.created_at OR r.due_at < r.previous_due_at
            THEN 'It was not due yet, or not after the run before it.' END,
        CASE WHEN r.sequence IS NOT NULL AND t.user_id IS NULL
            THEN format('It was sent as entry %s, which does not exist.', r.sequence) END,
        CASE WHEN t.idempotency_key IS DISTINCT FROM concat('schedule:', r.schedule_id, ':', r.number)
            AND t.user_id IS NOT NULL THEN format('Entry %s has another key.', r.sequence) END,
        CASE WHEN t.kind <> 'transfer' OR t.direction <> 'outgoing' OR t.amount <> s.amount
            OR t.counterparty_id <> s.recipient_id OR t.note IS DISTINCT FROM s.note AND t.user_id IS NOT NULL
            THEN format('Entry %s is not what was scheduled.', r.sequence) END,
        CASE WHEN t.created_at < r.due_at THEN 'It was sent before it was due.' END
    ) AS sentence
    FROM (
        SELECT *, lag(due_at) OVER (PARTITION BY user_id, schedule_id ORDER BY number)
            AS previous_due_at
        FROM scheduled_runs
    ) AS r
    LEFT JOIN scheduled_transfers AS s ON s.user_id = r.user_id AND s.id = r.schedule_id
    LEFT JOIN transactions AS t ON t.user_id = r.user_id AND t.sequence = r.sequence
) AS run
WHERE sentence <> ''
"""  # noqa: S608

# Before there were scheduled transfers, keys like theirs were like any others.
_TRANSFERS = f"""
SELECT concat(t.user_id, '/', t.sequence) AS key,
    'This transfer has the key of a run, but no run was sent as it.' AS sentence
FROM transactions AS t
LEFT JOIN scheduled_runs AS r ON r.user_id = t.user_id AND r.sequence = t.sequence
    AND concat('schedule:', r.schedule_id, ':', r.number) = t.idempotency_key
WHERE t.kind = 'transfer' AND t.idempotency_key ~ '{RUN_KEY_PATTERN}' AND r.user_id IS NULL
    AND t.created_at >= (SELECT min(created_at) FROM scheduled_transfers)
"""  # noqa: S608

# Notifications of closed accounts may be erased.
_NOTICES = f"""
SELECT concat_ws('/', coalesce(r.user_id, n.user_id), coalesce(r.sequence, n.sequence)) AS key, CASE
    WHEN r.user_id IS NULL THEN 'The user was told of a run that was not sent as this entry.'
    ELSE format('The user was told of the run sent as this entry %s times.', coalesce(n.told, 0))
    END AS sentence
FROM (
    SELECT runs.user_id, runs.schedule_id, runs.sequence FROM scheduled_runs AS runs
    JOIN users AS u ON u.id = runs.user_id AND u.closed_at IS NULL
    WHERE runs.status = 'SENT'
) AS r
FULL JOIN (
    SELECT user_id, subject_id, sequence, count(*) AS told FROM notifications
    WHERE kind = '{NotificationKind.SCHEDULED_TRANSFER_SENT}' GROUP BY user_id, subject_id, sequence
) AS n ON n.user_id = r.user_id AND n.subject_id = r.schedule_id AND n.sequence = r.sequence
WHERE n.told IS DISTINCT FROM 1 OR r.user_id IS NULL
"""  # noqa: S608

CHECKS = (
    Check("scheduled transfers", "scheduled_transfers", _SCHEDULES),
    Check("runs of scheduled transfers", "scheduled_runs", _RUNS),
    Check("transfers with keys of runs", "transactions", _TRANSFERS),
    Check("notifications of runs", "notifications", _NOTICES),
)
