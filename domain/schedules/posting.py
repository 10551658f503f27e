"""The ledger command that posts a run: `sendMoney` under the authority of the schedule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from domain import errors
from domain.ledger import send_money, transfer_posting
from domain.ledger.decisions import Decision, Effect, Ledger, LookUp
from domain.ledger.send_money import SendMoney
from domain.ledger.transfers import Account
from domain.notifications.notices import Notice
from domain.notifications.notification_kinds import NotificationKind
from domain.schedules.recurrence import Calendar
from domain.schedules.schedules import RunStatus
from domain.values import value


@dataclass(frozen=True, slots=True)
class RunState:
    """A run, and what follows it, as it is under the lock."""

    status: RunStatus
    #: The number of the run after it.
    next_number: int


@dataclass(frozen=True, slots=True)
class RunOf(LookUp[RunState]):
    """The state of a run."""

    user_id: UUID
    schedule_id: UUID
    number: int


@dataclass(frozen=True, slots=True)
class RunSent(Effect):
    """The run was sent as that entry of the user's own ledger."""

    run: RunOf
    sequence: int


@dataclass(frozen=True, slots=True)
class ScheduleContinues(Effect):
    """The next run is due then; None ends the schedule."""

    run: RunOf
    next_run_at: datetime | None


@value
class SendScheduled(SendMoney):
    """A run of a schedule: its authority is the schedule's, its key the run's."""

    number: int = field(kw_only=True)
    calendar: Calendar = field(kw_only=True)

    @property
    def run(self) -> RunOf:
        return RunOf(self.authority.user_id, self.authority.id, self.number)

    @property
    def look_ups(self) -> Sequence[LookUp[object]]:
        return (*transfer_posting.look_ups(self), self.run)


def decide(ledger: Ledger, command: SendScheduled, caller: Account) -> Decision:
    """What `sendMoney` decides; the run is recorded and notified in the same commit.

    Raises the refusals of `sendMoney`, and Unauthenticated for a run that is no longer to be sent.
    """
    run = command.run
    state = ledger.find(run)
    if state is None or state.status is not RunStatus.WAITING:
        # Another attempt has ended it since this one began.
        raise errors.Unauthenticated
    sent = send_money.decide(ledger, command, caller)
    sequence = sent.entries[0].sequence
    notice = Notice(
        caller.user_id,
        NotificationKind.SCHEDULED_TRANSFER_SENT,
        sequence,
        subject_id=run.schedule_id,
    )
    following = ScheduleContinues(run, command.calendar.due_at(state.next_number))
    return replace(
        sent,
        effects=[*sent.effects, RunSent(run, sequence), following],
        found={**sent.found, run: RunState(RunStatus.SENT, state.next_number)},
        notices=[*sent.notices, notice],
    )
