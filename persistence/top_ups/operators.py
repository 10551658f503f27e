"""Mails to operators about what providers took back and balances do not cover."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import text

from domain.people.accounts import MailPurpose
from domain.top_ups import reversing
from domain.top_ups.reversing import Operators, Reversal
from persistence.delivery import mail_requests
from persistence.engine.pipeline import Rows, Statement
from persistence.engine.unit_of_work import Unit
from persistence.people import persons

_OPERATORS = """
SELECT o.user_id FROM operators AS o JOIN users AS u ON u.id = o.user_id AND u.closed_at IS NULL
"""


def operators(_asked: Sequence[Operators]) -> Statement:
    """The operators, in a ledger commit."""
    return _OPERATORS.encode(), ()


def read_operators(rows: Rows) -> dict[Operators, tuple[UUID, ...]]:
    """What `operators` asked for."""
    return {Operators(): tuple(user_id for (user_id,) in rows)}


async def lock_with(unit: Unit, user_id: UUID) -> list[UUID]:
    """Lock the user together with the operators, which are returned."""
    found = (await unit.connection.scalars(text(_OPERATORS))).all()
    open_accounts = {row.id for row in await persons.lock_all(unit, {*found, user_id})}
    return [each for each in found if each in open_accounts]


async def mail(unit: Unit, operator_ids: Collection[UUID], reversal: Reversal) -> None:
    """Request a mail to each of those operators."""
    details, now = reversing.mail_details(reversal), await unit.clock()
    for operator_id in operator_ids:
        await mail_requests.request(
            unit, operator_id, MailPurpose.BALANCE_SHORT, now, details=details
        )
