"""Requests to schedule a transfer: when two are the same, and which are accepted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from domain import errors, text, time_zones
from domain.ledger import budgets, money, transfers
from domain.ledger.confirmations import Subject
from domain.people import restrictions
from domain.people.restrictions import Restriction, Untils
from domain.schedules import recurrence as recurrences
from domain.schedules import schedules
from domain.schedules.recurrence import Calendar, Recurrence
from domain.schedules.schedules import ScheduledTransfer, ScheduleStatus


@dataclass(frozen=True, slots=True)
class Request:
    """A transfer to schedule, as entered; `amount` is in whole units."""

    #: None if the id is malformed or the address unknown.
    recipient_id: UUID | None
    amount: Decimal
    note: str | None
    starts_on: date
    recurrence: Recurrence | None
    ends_on: date | None
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What the decision depends on, as read under the user's lock."""

    user_id: UUID
    is_verified: bool
    #: An IANA name.
    time_zone: str
    recipient_can_receive: bool
    #: How many scheduled transfers of the user have not ended.
    count: int
    now: datetime
    #: What the user is barred from.
    restricted_until: Untils | None = None
    #: What the API token may still schedule within its daily limit, fees included; None is no limit.
    remaining_minor: int | None = None
    #: Whether it is an API token without a daily limit, in an account with a second factor.
    lacks_limit: bool = False


def is_same_input(request: Request, earlier: ScheduledTransfer, currency: money.Currency) -> bool:
    """Whether the request is that of the scheduled transfer (an empty note counts as none)."""
    try:
        note = text.clean_note(request.note)
    except errors.InvalidInput:
        return False
    calendar = earlier.calendar
    return (
        request.recipient_id == earlier.recipient_id
        and money.minor_units(request.amount, currency) == earlier.amount_minor
        and note == earlier.note
        and request.starts_on == calendar.starts_on
        and request.recurrence == calendar.recurrence
        and request.ends_on == calendar.ends_on
    )


def schedule(
    request: Request, facts: Facts, schedule_id: UUID, limits: money.Limits
) -> ScheduledTransfer:
    """The new scheduled transfer.

    Raises EmailNotVerified, AccountRestricted, InvalidAmount, InvalidInput, CannotPayYourself or RecipientNotFound.
    """
    if not facts.is_verified:
        raise errors.EmailNotVerified
    restrictions.check(facts.restricted_until, Restriction.SENDING, facts.now)
    if facts.lacks_limit:
        zero = limits.money(0)
        raise errors.InvalidAmount(budgets.WITHOUT_LIMIT, zero, zero)
    amount_minor = transfers.check_amount(
        request.amount, limits, maximum_minor=_maximum_minor(facts, limits)
    )
    note = text.clean_note(request.note)
    if request.recipient_id == facts.user_id:
        raise errors.CannotPayYourself
    if request.recipient_id is None or not facts.recipient_can_receive:
        raise errors.RecipientNotFound
    zone = time_zones.zone(facts.time_zone)
    schedules.check_dates(request.starts_on, request.ends_on, facts.now.astimezone(zone).date())
    if request.recurrence is not None:
        recurrences.check(request.recurrence)
    if facts.count >= schedules.MAXIMUM_UNENDED:
        raise errors.invalid(
            "startsOn",
            f"You have {schedules.MAXIMUM_UNENDED} scheduled transfers, the maximum. End one first.",
        )
    return ScheduledTransfer(
        user_id=facts.user_id,
        schedule_id=schedule_id,
        recipient_id=request.recipient_id,
        amount_minor=amount_minor,
        note=note,
        calendar=Calendar(
            request.starts_on, request.recurrence, request.ends_on, facts.time_zone, facts.now
        ),
        status=ScheduleStatus.ACTIVE,
        next_number=1,
        idempotency_key=request.idempotency_key,
    )


def subject(request: Request, currency: money.Currency) -> Subject | None:
    """What a confirmation of the request would be bound to; None if it is refused anyway."""
    amount_minor = money.minor_units(request.amount, currency)
    if request.recipient_id is None or amount_minor is None:
        return None
    dates = request.starts_on, request.recurrence, request.ends_on
    return Subject(request.recipient_id, amount_minor, request.idempotency_key, _about(*dates))


def subject_of(created: ScheduledTransfer) -> Subject:
    """The same of the scheduled transfer that it leads to."""
    calendar = created.calendar
    dates = calendar.starts_on, calendar.recurrence, calendar.ends_on
    return Subject(
        created.recipient_id, created.amount_minor, created.idempotency_key, _about(*dates)
    )


def _about(starts_on: date, recurrence: Recurrence | None, ends_on: date | None) -> str:
    unit = "once" if recurrence is None else f"every {recurrence.interval} {recurrence.unit.value}"
    return f"schedule {starts_on} {unit} {ends_on}"


def _maximum_minor(facts: Facts, limits: money.Limits) -> int:
    """The largest amount that may be scheduled: of an API token, what its daily limit leaves."""
    if facts.remaining_minor is None:
        return limits.maximum_transfer_minor
    return limits.maximum_sendable_minor(max(facts.remaining_minor, 0))
