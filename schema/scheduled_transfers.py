"""Scheduled transfers: types, inputs and results."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

import strawberry

from domain import errors as refusals
from domain import ids, paging
from domain.ledger import money
from domain.people.sessions import Principal, Scope
from domain.schedules import recurrence, schedules
from domain.schedules import refusals as stored_refusals
from domain.schedules.views import RunView, ScheduleView
from schema import connections, errors, people, transactions
from schema.arguments import resolved
from schema.connections import PageInfo
from schema.enums import described
from schema.inputs import RecipientInput
from schema.money import Money, shown_minor
from schema.nodes import Node
from schema.restrictions import AccountRestricted
from schema.second_factors import InvalidSecondFactor
from schema.step_up import CONFIRMATION, ConfirmationInput, ConfirmationRequired
from schema.transactions import Transaction

#: The names of the two lists in their cursors.
LIST_NAME = "scheduledTransfers"
RUNS_LIST_NAME = "runs"

RecurrenceUnit = described(
    recurrence.RecurrenceUnit,
    "RecurrenceUnit",
    "The unit of the interval between runs. Runs are due on calendar dates, at 08:00.",
    DAY="Days.",
    WEEK="Weeks.",
    MONTH="Months: on the day of the month of `startsOn`, or on the last day of a shorter month.",
    YEAR="Years: on the day of `startsOn`; instead of 29 February, on 28 February in common years.",
)
ScheduleStatus = described(
    schedules.ScheduleStatus,
    "ScheduleStatus",
    "The state of a scheduled transfer.",
    ACTIVE="Its next run is sent when it is due.",
    PAUSED="Runs that become due during the pause are not sent; they are recorded as failed when it is resumed.",
    ENDED="It has no further runs: the last one was sent or has failed, or the viewer ended it.",
)
ScheduledRunStatus = described(
    schedules.RunStatus,
    "ScheduledRunStatus",
    "The state of a run.",
    WAITING="Due but not sent yet; retried for 24 hours.",
    SENT="The transfer was posted.",
    FAILED=(
        "Abandoned after 24 hours. Later runs are unaffected. A run also fails if its idempotency key was "
        "closed, if it became due while the scheduled transfer was paused, and if it was waiting when the "
        "scheduled transfer ended."
    ),
)


@strawberry.type(description="For example, every two weeks is unit WEEK with interval 2.")
class Recurrence:
    unit: recurrence.RecurrenceUnit = strawberry.field(description="The unit of the interval.")
    interval: int = strawberry.field(description="The number of units from one run to the next.")


@strawberry.type(description="One run of a scheduled transfer, listed once it is due.")
class ScheduledRun:
    number: int = strawberry.field(description="Run number, starting at 1.")
    due_at: datetime = strawberry.field(description="When it was due.")
    status: schedules.RunStatus = strawberry.field(description="The state of the run.")
    refusal: errors.UserError | None = strawberry.field(
        description="The reason the latest attempt failed. Null if the run was sent or never attempted."
    )
    view: strawberry.Private[RunView]
    currency: strawberry.Private[money.Currency]
    principal: strawberry.Private[Principal]

    @resolved(
        "The transaction of the run; null until it is sent. An API token needs the scope "
        "`READ_TRANSACTIONS`."
    )
    def transaction(self) -> Transaction | None:
        if not self.principal.may(Scope.READ_TRANSACTIONS):
            raise refusals.Forbidden(f"This API token lacks the scope {Scope.READ_TRANSACTIONS}.")
        view = self.view
        if view.entry is None:
            return None
        return transactions.shown(view.entry, view.counterparty, self.currency, view.metadata)


@strawberry.type(description="A run's place in the list.")
class ScheduledRunEdge:
    cursor: str = strawberry.field(description="For `after`.")
    node: ScheduledRun = strawberry.field(description="The run.")


@strawberry.type(description="A page of the runs of a scheduled transfer, newest first.")
class ScheduledRunConnection:
    edges: list[ScheduledRunEdge] = strawberry.field(description="The page, with cursors.")
    nodes: list[ScheduledRun] = strawberry.field(description="The page, without cursors.")
    page_info: PageInfo = strawberry.field(
        description="Whether there are further pages, and how to continue."
    )


@strawberry.type(description="A transfer that is sent later, once or repeatedly.")
class ScheduledTransfer(Node):
    recipient: people.User = strawberry.field(description="The user who receives the money.")
    amount: Money = strawberry.field(description="The amount of each run; the fee is added.")
    note: str | None = strawberry.field(description="The note of each transaction.")
    status: schedules.ScheduleStatus = strawberry.field(
        description="The state of the scheduled transfer."
    )
    recurrence: Recurrence | None = strawberry.field(description="Null for a one-time transfer.")
    starts_on: date = strawberry.field(description="The date of the first run.")
    ends_on: date | None = strawberry.field(
        description="The last date on which a run may be due; null if it has no end."
    )
    time_zone: str = strawberry.field(
        description=(
            "IANA time zone, taken from the viewer at creation. Runs are due at 08:00 in this time zone. If "
            "the service no longer knows it, UTC is used."
        )
    )
    next_run_at: datetime | None = strawberry.field(
        description=(
            "When the next run is due. Null if no further run is due. A run that is waiting was due earlier."
        )
    )
    created_at: datetime = strawberry.field(description="When it was created.")
    view: strawberry.Private[ScheduleView]
    currency: strawberry.Private[money.Currency]


@strawberry.type(description="A scheduled transfer's place in the list.")
class ScheduledTransferEdge:
    cursor: str = strawberry.field(description="For `after`.")
    node: ScheduledTransfer = strawberry.field(description="The scheduled transfer.")


@strawberry.type(description="A page of the viewer's scheduled transfers, newest first.")
class ScheduledTransferConnection:
    edges: list[ScheduledTransferEdge] = strawberry.field(description="The page, with cursors.")
    nodes: list[ScheduledTransfer] = strawberry.field(description="The page, without cursors.")
    page_info: PageInfo = strawberry.field(
        description="Whether there are further pages, and how to continue."
    )


def global_id(schedule_id: UUID) -> strawberry.ID:
    """The API's id of a scheduled transfer."""
    return strawberry.ID(ids.global_id("ScheduledTransfer", schedule_id))


def shown(view: ScheduleView, currency: money.Currency) -> ScheduledTransfer:
    """The scheduled transfer as its owner sees it."""
    schedule, calendar = view.schedule, view.schedule.calendar
    recurring = calendar.recurrence
    return ScheduledTransfer(
        id=global_id(schedule.schedule_id),
        recipient=people.shown(view.recipient, to=schedule.user_id),
        amount=shown_minor(schedule.amount_minor, currency),
        note=schedule.note,
        status=schedule.status,
        recurrence=None
        if recurring is None
        else Recurrence(unit=recurring.unit, interval=recurring.interval),
        starts_on=calendar.starts_on,
        ends_on=calendar.ends_on,
        time_zone=calendar.time_zone,
        next_run_at=schedule.next_run_at,
        created_at=calendar.created_at,
        view=view,
        currency=currency,
    )


def _shown_run(view: RunView, currency: money.Currency, principal: Principal) -> ScheduledRun:
    run = view.run
    refusal = None if run.refusal is None else stored_refusals.read(run.refusal)
    return ScheduledRun(
        number=run.number,
        due_at=run.due_at,
        status=run.status,
        refusal=None if refusal is None else errors.member_of(refusal),
        view=view,
        currency=currency,
        principal=principal,
    )


def shown_page(
    found: paging.Page[ScheduleView], currency: money.Currency
) -> ScheduledTransferConnection:
    """A page of scheduled transfers as their owner sees them."""
    edges = [
        ScheduledTransferEdge(
            cursor=connections.cursor_of(LIST_NAME, str(view.schedule.schedule_id)),
            node=shown(view, currency),
        )
        for view in found.items
    ]
    return ScheduledTransferConnection(
        edges=edges,
        nodes=[edge.node for edge in edges],
        page_info=connections.page_info(found, [edge.cursor for edge in edges], LIST_NAME),
    )


def shown_runs(
    found: paging.Page[RunView], currency: money.Currency, principal: Principal
) -> ScheduledRunConnection:
    """A page of runs as their owner sees them with that session or API token."""
    edges = [
        ScheduledRunEdge(
            cursor=connections.cursor_of(RUNS_LIST_NAME, str(view.run.number)),
            node=_shown_run(view, currency, principal),
        )
        for view in found.items
    ]
    return ScheduledRunConnection(
        edges=edges,
        nodes=[edge.node for edge in edges],
        page_info=connections.page_info(found, [edge.cursor for edge in edges], RUNS_LIST_NAME),
    )


# ================================================================ inputs and results


@strawberry.input(description="For example, every two weeks is unit WEEK with interval 2.")
class RecurrenceInput:
    unit: recurrence.RecurrenceUnit = strawberry.field(description="The unit of the interval.")
    interval: int = strawberry.field(
        default=1, description="The number of units from one run to the next, 1 to 1000."
    )


@strawberry.input(description="A transfer to send later, once or repeatedly.")
class ScheduleTransferInput:
    recipient: RecipientInput = strawberry.field(description="The recipient.")
    amount: Decimal = strawberry.field(
        description="In whole units of the currency; the fee is added to each transfer."
    )
    note: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Up to 140 characters, visible to both sides.",
    )
    starts_on: date = strawberry.field(description="Today or later in the viewer's time zone.")
    recurrence: RecurrenceInput | None = strawberry.field(
        default=strawberry.UNSET, description="If omitted, the transfer is sent once."
    )
    ends_on: date | None = strawberry.field(
        default=strawberry.UNSET,
        description="The last date on which a run may be due; no end if omitted.",
    )
    idempotency_key: str = strawberry.field(
        description=(
            "Chosen by the caller, 8 to 64 printable ASCII characters. A key creates at most one "
            "scheduled transfer."
        )
    )
    confirmation: ConfirmationInput | None = strawberry.field(
        default=strawberry.UNSET, description=CONFIRMATION
    )


@strawberry.type(description="The transfer is scheduled.")
class TransferScheduled:
    scheduled_transfer: ScheduledTransfer = strawberry.field(
        description="The scheduled transfer as it is now."
    )
    replayed: bool = strawberry.field(
        description="True if this key had already scheduled this transfer and nothing was created now."
    )


ScheduleTransferResult = Annotated[
    TransferScheduled
    | errors.EmailNotVerified
    | errors.InvalidAmount
    | errors.InvalidInput
    | errors.RecipientNotFound
    | errors.CannotPayYourself
    | errors.IdempotencyKeyReused
    | AccountRestricted
    | ConfirmationRequired
    | InvalidSecondFactor,
    strawberry.union("ScheduleTransferResult", description="What `scheduleTransfer` returns."),
]


@strawberry.input(description="The scheduled transfer to change.")
class ChangeScheduledTransferInput:
    scheduled_transfer_id: strawberry.ID = strawberry.field(
        description="The id of one of the viewer's scheduled transfers."
    )


@strawberry.type(
    description="The scheduled transfer has the requested status, by this call or an earlier one."
)
class ScheduledTransferChanged:
    scheduled_transfer: ScheduledTransfer = strawberry.field(
        description="The scheduled transfer as it is now."
    )


ChangeScheduledTransferResult = Annotated[
    ScheduledTransferChanged | errors.NotFound,
    strawberry.union(
        "ChangeScheduledTransferResult",
        description=(
            "What `pauseScheduledTransfer`, `resumeScheduledTransfer` and `endScheduledTransfer` return."
        ),
    ),
]
