"""Transfers with a second factor, where the sender's account requires one (step-up).

A transfer without a confirmation is tried first as everyone's is. Only if the account has a second factor
does the ledger answer that it needs more: the command is then repeated with the look-ups that decide, and
refused with a challenge if it has to be confirmed. Nothing is decided here: the ledger does, under the
account locks, and in the commit that posts the transfer it uses up what confirms it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

from application import posting, second_factors
from application.services import Services
from domain import errors
from domain.authority import Authority, Session
from domain.ledger import confirmations
from domain.ledger.confirmations import (
    ConfirmationRequired,
    Declared,
    PaidBefore,
    Subject,
)
from domain.ledger.pay_request import PayRequest
from domain.ledger.send_money import SendMoney
from domain.people.second_factors import Answer, InvalidSecondFactor, Purpose, VerifiedFactor
from domain.people.sessions import Principal
from persistence.ledger.ledger import Movement

Transfer = TypeVar("Transfer", SendMoney, PayRequest)


@dataclass(frozen=True, slots=True)
class Given:
    """The answer to a challenge, as the client sent it."""

    challenge: str
    answer: Answer


async def post(services: Services, command: Transfer) -> Movement:
    """Execute a transfer that the client has not confirmed.

    Raises the command's refusals, ConfirmationRequired, or Unavailable.
    """
    try:
        return await posting.post(services, command)
    except confirmations.Undecided as undecided:
        subject = undecided.subject
    except confirmations.Unconfirmed as unconfirmed:
        raise await required(services, command.authority, unconfirmed.subject) from None
    paid = PaidBefore(command.authority.user_id, subject.recipient_id)
    try:
        return await posting.post(services, replace(command, confirmation=Declared(paid=paid)))
    except confirmations.Unconfirmed as unconfirmed:
        raise await required(services, command.authority, unconfirmed.subject) from None


async def post_confirmed(
    services: Services, command: Transfer, subject: Subject, given: Given
) -> Movement:
    """Execute a transfer with the answer to a challenge for it.

    The answer counts only if one is needed: a key that was used is answered whatever the confirmation says.
    Raises the command's refusals, InvalidSecondFactor, RateLimited after too many wrong answers, or
    Unavailable.
    """
    if type(command.authority) is not Session:
        # Programs with an API token are exempt.
        return await posting.post(services, command)
    factor, refusal = await verify(services, command.authority, subject, given)
    paid = PaidBefore(command.authority.user_id, subject.recipient_id)
    declared = Declared(is_given=True, factor=factor, paid=paid)
    try:
        return await posting.post(services, replace(command, confirmation=declared))
    except InvalidSecondFactor as invalid:
        raise refusal or invalid from None


async def verify(
    services: Services, authority: Authority, subject: Subject, given: Given
) -> tuple[VerifiedFactor | None, errors.DomainError | None]:
    """The correct answer, for the commit that relies on it to use up; or why there is none.

    A wrong one is counted. The refusal is for the case that a confirmation turns out to be needed.
    """
    try:
        return (
            await second_factors.verify(
                services,
                authority.user_id,
                Purpose.TRANSFER,
                subject.binding,
                challenge=given.challenge,
                answer=given.answer,
            ),
            None,
        )
    except (InvalidSecondFactor, errors.RateLimited) as refusal:
        return None, refusal


async def required(
    services: Services, authority: Authority, subject: Subject
) -> ConfirmationRequired:
    """The refusal of an unconfirmed transfer, with a challenge for it.

    Raises Unauthenticated if the session has ended.
    """
    caller = Principal(authority.user_id, session_id=authority.id)
    question = await second_factors.ask(services, caller, Purpose.TRANSFER, subject.binding)
    return ConfirmationRequired(question.challenge, question.methods, question.passkey_options)
