"""Breaks what bars accounts, what confirmations use up, and what the payment provider takes back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import psycopg

from domain import ids
from domain.ledger.confirmations import Declared, PaidBefore, Subject
from domain.ledger.posting import PostingCommand
from domain.ledger.send_money import SendMoney
from domain.people.second_factors import SecondFactor, VerifiedFactor
from persistence.ledger.ledger import Movement
from torture.broken.wallets import Broken

Connection = psycopg.Connection[Any]

_FORGETTING_RESTRICTIONS = """
CREATE FUNCTION forget_restriction() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.sending_restricted_until := NULL;
    RETURN NEW;
END
$$;
CREATE TRIGGER forget_restriction BEFORE UPDATE ON users
    FOR EACH ROW WHEN (NEW.sending_restricted_until IS NOT NULL) EXECUTE FUNCTION forget_restriction();
"""
_FORGETTING_CLOSED = """
CREATE FUNCTION forget_closing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.closed_at := NULL;
    NEW.name := OLD.name;
    NEW.search_text := OLD.search_text;
    NEW.email := OLD.email;
    RETURN NEW;
END
$$;
CREATE TRIGGER forget_closing BEFORE UPDATE ON users
    FOR EACH ROW WHEN (NEW.closed_at IS NOT NULL) EXECUTE FUNCTION forget_closing();
"""
_FORGETTING_CODES = """
CREATE FUNCTION forget_code() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.used_at := NULL;
    RETURN NEW;
END
$$;
CREATE TRIGGER forget_code BEFORE UPDATE ON recovery_codes
    FOR EACH ROW WHEN (NEW.used_at IS NOT NULL) EXECUTE FUNCTION forget_code();
"""
_FORGETTING_REFUNDS = """
CREATE FUNCTION forget_refund() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.status := 'RETURNED';
    RETURN NEW;
END
$$;
CREATE TRIGGER forget_refund BEFORE INSERT ON top_up_reversals
    FOR EACH ROW EXECUTE FUNCTION forget_refund();
"""
_CHALLENGE = (
    "INSERT INTO second_factor_challenges (user_id, id, purpose, secret_hash, binding, created_at, "
    "expires_at) VALUES (%s, %s, 'transfer', %s, %s, now(), now() + interval '5 min')"
)


def forget_restrictions(connection: Connection) -> None:
    """Barring an account from sending is acknowledged and not stored."""
    connection.execute(_FORGETTING_RESTRICTIONS)


def forget_closed_accounts(connection: Connection) -> None:
    """An account whose closing was acknowledged is open."""
    connection.execute(_FORGETTING_CLOSED)


def forget_codes(connection: Connection) -> None:
    """Nothing records that a recovery code was used."""
    connection.execute(_FORGETTING_CODES)


def forget_refunds(connection: Connection) -> None:
    """What the payment provider takes back is taken for returned already."""
    connection.execute(_FORGETTING_REFUNDS)


class Confirming(Broken):
    """A ledger to which every transfer comes with a challenge of its own and the same recovery code."""

    def __init__(self, ledger: Any, connection: Connection, code_id: UUID) -> None:
        super().__init__(ledger)
        self._connection = connection
        self._code_id = code_id

    async def move(self, command: PostingCommand) -> Movement:
        """Do what `Ledger.move` does, with a correct answer."""
        assert isinstance(command, SendMoney)
        assert command.recipient_id is not None
        user_id, challenge_id = command.authority.user_id, ids.new_id()
        amount_minor = int(command.amount * 100)
        subject = Subject(command.recipient_id, amount_minor, command.idempotency_key)
        self._connection.execute(_CHALLENGE, [user_id, challenge_id, bytes(32), subject.binding])
        kind = SecondFactor.RECOVERY_CODE
        factor = VerifiedFactor(user_id, kind, challenge_id, recovery_code_id=self._code_id)
        paid = PaidBefore(user_id, command.recipient_id)
        return await self._ledger.move(
            replace(command, confirmation=Declared(True, factor, paid=paid))
        )
