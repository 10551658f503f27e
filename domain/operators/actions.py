"""Actions of operators: their status, which follows from record and decision, and the rules for input."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain import errors, text
from domain.operators.log import ActionKind, Record, RecordType

REASON_MINIMUM_CHARACTERS = 10
REASON_MAXIMUM_CHARACTERS = 500


class ActionStatus(enum.StrEnum):
    """Whether an action was done."""

    PROPOSED = "PROPOSED"
    DONE = "DONE"
    REJECTED = "REJECTED"


@dataclass(frozen=True, slots=True)
class Action:
    """An action or a proposal, and what became of it."""

    record: Record
    decision: Record | None = None

    @property
    def status(self) -> ActionStatus:
        if self.record.type is RecordType.ACTION:
            return ActionStatus.DONE
        if self.decision is None:
            return ActionStatus.PROPOSED
        if self.decision.type is RecordType.APPROVAL:
            return ActionStatus.DONE
        return ActionStatus.REJECTED

    @property
    def action_id(self) -> UUID:
        assert self.record.action_id is not None
        return self.record.action_id

    @property
    def number(self) -> int:
        assert self.record.number is not None
        return self.record.number

    @property
    def operator_id(self) -> UUID:
        assert self.record.operator_id is not None
        return self.record.operator_id

    @property
    def decided_by(self) -> UUID | None:
        return None if self.decision is None else self.decision.operator_id


def clean_reason(entered: str) -> str:
    """The reason as it is stored. Raises InvalidInput unless it has 10 to 500 characters."""
    reason = text.clean(entered, "reason", "The reason")
    if not REASON_MINIMUM_CHARACTERS <= len(reason) <= REASON_MAXIMUM_CHARACTERS:
        raise errors.invalid(
            "reason",
            f"The reason must have {REASON_MINIMUM_CHARACTERS} to {REASON_MAXIMUM_CHARACTERS} characters.",
        )
    return reason


def done(
    kind: ActionKind,
    *,
    operator_id: UUID,
    account_id: UUID,
    action_id: UUID,
    reason: str,
    created_at: datetime,
    restrictions: tuple[str, ...] = (),
    until: datetime | None = None,
) -> Record:
    """The record, not yet in its place, of an action on an account that moves no money."""
    return Record(
        position=0,
        type=RecordType.ACTION,
        number=None,
        decides=None,
        action_id=action_id,
        operator_id=operator_id,
        account_id=account_id,
        other_account_id=None,
        kind=kind,
        created_at=created_at,
        reason=reason,
        restrictions=restrictions,
        until=until,
    )


@dataclass(eq=False)
class NotAnOperator(errors.Forbidden):
    message: str = "Only operators may do that."


@dataclass(eq=False)
class SecondFactorMissing(errors.Forbidden):
    message: str = (
        "Operators need a second factor: enable an authenticator app or a passkey in the security "
        "settings, then sign in or confirm this session with it."
    )


@dataclass(eq=False)
class OperatorNotConfirmed(errors.SessionNotConfirmed):
    message: str = "Confirm this session with your second factor, then try again."


def own_account(path: str) -> errors.InvalidInput:
    """The refusal of an action on the operator's own account."""
    return errors.invalid(
        path, "Operators cannot act on their own account or on transactions that they take part in."
    )


@dataclass(frozen=True, slots=True)
class Access:
    """Whether a credential of a user may act as an operator."""

    is_operator: bool
    is_session: bool = True
    has_factor: bool = False
    is_confirmed: bool = False

    def check(self) -> None:
        """Raises Forbidden, with what is missing."""
        if not self.is_operator:
            raise NotAnOperator
        if not self.is_session:
            raise NotAnOperator("API tokens are not allowed to do that. Sign in instead.")
        if not self.has_factor:
            raise SecondFactorMissing
        if not self.is_confirmed:
            raise OperatorNotConfirmed
