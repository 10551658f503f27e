"""Confirmation of transfers with a second factor: when one is needed, and using it up.

Both are decided under the account locks. Accounts without a second factor never come here. A command is
first tried without the facts that only this decision needs; where they are needed, it is repeated with
them.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from domain import errors
from domain.ledger.decisions import Command, Effect, Ledger, LookUp
from domain.ledger.transfers import Account
from domain.notifications.notices import Notice
from domain.notifications.notification_kinds import NotificationKind, SecurityChange
from domain.people import second_factors
from domain.people.second_factors import InvalidSecondFactor, SecondFactor, VerifiedFactor


@dataclass(frozen=True, slots=True)
class Used:
    """What using up a confirmation changes."""

    effects: Sequence[Effect] = ()
    #: What these look-ups find from now on.
    found: Mapping[LookUp[object], object] = field(default_factory=dict)
    notices: Sequence[Notice] = ()


@dataclass(frozen=True, slots=True)
class Subject:
    """What a challenge is bound to: its answer confirms this and nothing else."""

    recipient_id: UUID
    amount_minor: int
    idempotency_key: str
    #: Which payment request is paid, or when a scheduled transfer is sent; empty for `sendMoney`.
    about: str = ""

    @property
    def binding(self) -> bytes:
        """The digest that is stored with the challenge."""
        return second_factors.binding(
            self.recipient_id, self.amount_minor, self.idempotency_key, self.about
        )


class Unsettled(errors.Unavailable):
    """The transfer is neither posted nor refused yet. Use cases handle this; no client sees it."""

    def __init__(self, subject: Subject) -> None:
        super().__init__("This transfer has to be confirmed with a second factor.")
        self.subject = subject


class Undecided(Unsettled):
    """The command lacked the look-ups that decide whether it needs a confirmation: repeat it with them."""


class Unconfirmed(Unsettled):
    """Only a confirmation is missing: issue a challenge, and refuse with ConfirmationRequired."""


@dataclass(eq=False)
class ConfirmationRequired(errors.DomainError):
    """The transfer was not posted. Repeated with an answer to the challenge, it is."""

    challenge: str
    methods: Sequence[SecondFactor]
    #: PublicKeyCredentialRequestOptionsJSON of WebAuthn Level 3; None without passkeys.
    passkey_options: Mapping[str, Any] | None
    message: str = (
        "Confirm this transfer with a second factor within five minutes. Nothing has been sent yet."
    )


@dataclass(frozen=True, slots=True)
class PaidBefore(LookUp[bool]):
    """Whether the user has sent money to that recipient."""

    user_id: UUID
    recipient_id: UUID


@dataclass(frozen=True, slots=True)
class Challenge:
    """A challenge to confirm a transfer, as it is under the lock."""

    binding: bytes
    expires_at: datetime
    #: Neither used nor ended by wrong answers.
    is_open: bool


@dataclass(frozen=True, slots=True)
class ChallengeOf(LookUp[Challenge]):
    """A challenge of the user's, to confirm a transfer."""

    user_id: UUID
    challenge_id: UUID


@dataclass(frozen=True, slots=True)
class UseOf(LookUp[int]):
    """How far a factor of the user's is used up."""

    user_id: UUID
    factor_id: UUID


class TotpUse(UseOf):
    """The step of the last code that was accepted."""

    __slots__ = ()


class PasskeyUse(UseOf):
    """The signature counter."""

    __slots__ = ()


class RecoveryCodeUse(UseOf):
    """0, or 1 once the code is used."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class UseChallenge(Effect):
    """The challenge was answered, and works no longer."""

    challenge: ChallengeOf
    used_at: datetime


@dataclass(frozen=True, slots=True)
class UseFactor(Effect):
    """The factor was used, up to that state."""

    use: UseOf
    state: int
    used_at: datetime


class UseTotp(UseFactor):
    """A code of an authenticator app was used."""

    __slots__ = ()


class UsePasskey(UseFactor):
    """A passkey was used."""

    __slots__ = ()


class UseRecoveryCode(UseFactor):
    """A recovery code was used."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What is known of the confirmation of a transfer that may need one."""

    #: Whether a challenge was answered.
    is_given: bool = False
    #: None if none was answered correctly.
    factor: VerifiedFactor | None = None


NOT_GIVEN = Confirmation()


@dataclass(frozen=True, slots=True)
class Declared(Confirmation):
    """The confirmation of a command, with the look-ups that decide whether it is needed and unused."""

    paid: PaidBefore = field(kw_only=True)

    @property
    def look_ups(self) -> Sequence[LookUp[object]]:
        factor = self.factor
        if factor is None:
            return (self.paid,)
        return (self.paid, _challenge_of(factor), _use_of(factor)[0])


class ConfirmedCommand(Command, Protocol):
    """A command that may need a confirmation."""

    @property
    def confirmation(self) -> Declared | None:
        """None if the command is tried without one."""


def is_needed(amount_minor: int, confirm_above_minor: int, *, has_paid: bool) -> bool:
    """Whether a transfer of an account with that limit needs a second factor.

    `has_paid` is whether the user has sent money to the recipient before.
    """
    return amount_minor > confirm_above_minor or not has_paid


def check(
    ledger: Ledger, command: ConfirmedCommand, caller: Account, subject: Subject
) -> Used | None:
    """Use up the confirmation, if the transfer needs one.

    To be called when nothing else refuses the transfer, for accounts with a second factor only. Raises
    Undecided, Unconfirmed or InvalidSecondFactor.
    """
    confirm_above_minor = caller.confirm_above_minor
    assert confirm_above_minor is not None
    confirmation = command.confirmation
    if confirmation is None:
        if is_needed(subject.amount_minor, confirm_above_minor, has_paid=True):
            raise Unconfirmed(subject)
        raise Undecided(subject)
    has_paid = bool(ledger.find(confirmation.paid))
    if not is_needed(subject.amount_minor, confirm_above_minor, has_paid=has_paid):
        return None
    used = _use(ledger, confirmation, subject)
    return replace(used, found={**used.found, confirmation.paid: True})


def _use(ledger: Ledger, confirmation: Confirmation, subject: Subject) -> Used:
    """Raises Unconfirmed or InvalidSecondFactor."""
    if not confirmation.is_given:
        raise Unconfirmed(subject)
    factor = confirmation.factor
    if factor is None:
        raise InvalidSecondFactor
    asked = _challenge_of(factor)
    challenge = ledger.find(asked)
    if (
        challenge is None
        or not challenge.is_open
        or challenge.expires_at <= ledger.now
        or not hmac.compare_digest(challenge.binding, subject.binding)
    ):
        raise InvalidSecondFactor
    use_of, state, effect = _use_of(factor)
    before = ledger.find(use_of)
    # Authenticators that do not count send 0 each time: their challenge is what works once.
    uncounted = factor.kind is SecondFactor.PASSKEY and before == state == 0
    if before is None or not (state > before or uncounted):
        raise InvalidSecondFactor
    return Used(
        (UseChallenge(asked, ledger.now), effect(use_of, state, ledger.now)),
        {asked: replace(challenge, is_open=False), use_of: state},
        _notices(factor),
    )


def _challenge_of(factor: VerifiedFactor) -> ChallengeOf:
    assert factor.challenge_id is not None
    return ChallengeOf(factor.user_id, factor.challenge_id)


def _use_of(factor: VerifiedFactor) -> tuple[UseOf, int, type[UseFactor]]:
    """What the answer uses, and its state once it is used."""
    user_id = factor.user_id
    match factor:
        case VerifiedFactor(totp_id=UUID() as factor_id, totp_step=int() as step):
            return TotpUse(user_id, factor_id), step, UseTotp
        case VerifiedFactor(passkey_id=UUID() as factor_id, passkey_counter=int() as counter):
            return PasskeyUse(user_id, factor_id), counter, UsePasskey
        case VerifiedFactor(recovery_code_id=UUID() as factor_id):
            return RecoveryCodeUse(user_id, factor_id), 1, UseRecoveryCode
    raise AssertionError("a verified factor names what it is")


def _notices(factor: VerifiedFactor) -> Sequence[Notice]:
    if factor.kind is not SecondFactor.RECOVERY_CODE:
        return ()
    details = {"change": SecurityChange.RECOVERY_CODE_USED.value}
    return (Notice(factor.user_id, NotificationKind.SECURITY_CHANGED, details=details),)
