"""Mails to operators about what providers took back and balances do not cover."""

from __future__ import annotations

from sqlalchemy import text

from domain.people.accounts import MailPurpose
from domain.top_ups.reversing import Reversal
from persistence.delivery import mails
from persistence.engine import unit_of_work
from persistence.engine.database import Database
from persistence.engine.unit_of_work import Unit
from persistence.people import persons

_OPERATORS = text("SELECT user_id FROM operators")


async def tell(db: Database, reversal: Reversal) -> int:
    """Request a mail to each operator; says to how many."""

    async def work(unit: Unit) -> int:
        operators = (await unit.connection.scalars(_OPERATORS)).all()
        told = await persons.lock_all(unit, operators)
        details = {
            "amount_minor": reversal.amount_minor,
            "source": reversal.source.value.lower(),
            "user_id": str(reversal.user_id),
        }
        now = await unit.clock()
        for operator in told:
            await mails.request(unit, operator.id, MailPurpose.BALANCE_SHORT, now, details=details)
        return len(told)

    return await unit_of_work.run(db, work)
