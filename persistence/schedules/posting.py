"""Runs of scheduled transfers in ledger commits: what is looked up, and what changes."""

from __future__ import annotations

from collections.abc import Sequence

from domain.schedules.posting import RunOf, RunSent, RunState, ScheduleContinues
from domain.schedules.schedules import RunStatus
from persistence.engine import pipeline
from persistence.engine.pipeline import Rows, Statement

_RUNS = b"""
SELECT r.user_id, r.schedule_id, r.number, r.status, s.next_number
FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS asked (user_id, schedule_id, number)
JOIN scheduled_runs AS r ON r.user_id = asked.user_id AND r.schedule_id = asked.schedule_id
    AND r.number = asked.number
JOIN scheduled_transfers AS s ON s.user_id = r.user_id AND s.id = r.schedule_id
"""
_SEND = b"""
UPDATE scheduled_runs AS r SET status = 'SENT', sequence = sent.sequence, refusal = NULL
FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[])
    AS sent (user_id, schedule_id, number, sequence)
WHERE r.user_id = sent.user_id AND r.schedule_id = sent.schedule_id AND r.number = sent.number
    AND r.user_id = ANY ($1::uuid[])
"""
_GO_ON = b"""
UPDATE scheduled_transfers AS s SET attempt_at = following.at,
    status = CASE WHEN following.at IS NULL THEN 'ENDED' ELSE 'ACTIVE' END
FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS following (user_id, id, at)
WHERE s.user_id = following.user_id AND s.id = following.id AND s.user_id = ANY ($1::uuid[])
"""


def runs(asked: Sequence[RunOf]) -> Statement:
    """The states of the runs that exist."""
    return _RUNS, _names(asked)


def read_runs(rows: Rows) -> dict[RunOf, RunState]:
    """By look-up, the states that `runs` asked for."""
    return {
        RunOf(user_id, schedule_id, number): RunState(RunStatus(status), next_number)
        for user_id, schedule_id, number, status, next_number in rows
    }


def send_runs(effects: Sequence[RunSent]) -> Statement:
    """Record the runs as sent."""
    sequences = pipeline.array(each.sequence for each in effects)
    return _SEND, (*_names([each.run for each in effects]), sequences)


def go_on(effects: Sequence[ScheduleContinues]) -> Statement:
    """Have the next runs found when they are due; end the schedules without one."""
    user_ids, schedule_ids, _ = _names([each.run for each in effects])
    return _GO_ON, (user_ids, schedule_ids, pipeline.array(each.next_run_at for each in effects))


def _names(asked: Sequence[RunOf]) -> tuple[bytes, bytes, bytes]:
    return (
        pipeline.array(each.user_id for each in asked),
        pipeline.array(each.schedule_id for each in asked),
        pipeline.array(each.number for each in asked),
    )
