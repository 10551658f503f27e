"""Breaks the wallet of one database, without changing the product."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import sql

from domain import ids
from domain.ledger import kinds, transfers
from domain.ledger.close_key import CloseIdempotencyKey
from domain.ledger.posting import PostingCommand
from domain.ledger.send_money import SendMoney
from persistence.engine.database import Database
from persistence.ledger import sealing
from persistence.ledger.ledger import Ledger, Movement
from persistence.people import accounts
from realtime.live import Live

Connection = psycopg.Connection[Any]

_LOCKING = "FOR NO KEY UPDATE"
# The second safeguard, which refuses what missing locks make possible.
_WITHOUT_SECOND_GUARD = """
ALTER TABLE transactions DROP CONSTRAINT transactions_pkey;
DROP TRIGGER users_balance_follows_book ON users;
"""
_FORGETTING_KEYS = """
CREATE FUNCTION forget_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.idempotency_key := left(md5(NEW.idempotency_key || NEW.sequence), 32);
    RETURN NEW;
END
$$;
CREATE TRIGGER forget_key BEFORE INSERT ON transactions
    FOR EACH ROW WHEN (NEW.idempotency_key IS NOT NULL) EXECUTE FUNCTION forget_key();
"""
_LOSING_EVENTS = """
CREATE FUNCTION lose_event() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER lose_event BEFORE INSERT ON outbox
    FOR EACH ROW WHEN ((NEW.payload ->> 'sequence')::bigint % 3 = 0) EXECUTE FUNCTION lose_event();
"""

_LOSING_NOTIFICATIONS = """
CREATE FUNCTION lose_notification() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER lose_notification BEFORE INSERT ON notifications
    FOR EACH ROW WHEN (NEW.number % 3 = 0) EXECUTE FUNCTION lose_notification();
"""

_LOCKING_IN_ANY_ORDER = """
CREATE OR REPLACE FUNCTION lock_accounts(account_ids uuid[]) RETURNS SETOF users
LANGUAGE plpgsql VOLATILE STRICT ROWS 2 AS $$
DECLARE
    next_id uuid;
BEGIN
    FOR next_id IN SELECT given FROM unnest(account_ids) AS given ORDER BY random() LOOP
        RETURN QUERY SELECT * FROM users WHERE id = next_id FOR NO KEY UPDATE;
        PERFORM pg_sleep(0.01);
    END LOOP;
END
$$;
"""
_LOSING_MAILS = """
CREATE FUNCTION lose_mail() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.state := 'sent';
    NEW.sent_at := now();
    RETURN NEW;
END
$$;
CREATE TRIGGER lose_mail BEFORE INSERT ON mails FOR EACH ROW EXECUTE FUNCTION lose_mail();
"""
_FORGETTING_MAILS = """
CREATE FUNCTION forget_sending() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.state := 'pending';
    NEW.sent_at := NULL;
    NEW.next_try_at := now();
    NEW.last_error := 'forgotten';
    RETURN NEW;
END
$$;
CREATE TRIGGER forget_sending BEFORE UPDATE ON mails
    FOR EACH ROW WHEN (NEW.state = 'sent' AND OLD.last_error IS NULL)
    EXECUTE FUNCTION forget_sending();
"""
_FORGETTING_CLOSED_KEYS = """
CREATE FUNCTION forget_closed_key() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER forget_closed_key BEFORE INSERT ON closed_keys
    FOR EACH ROW EXECUTE FUNCTION forget_closed_key();
"""
_LOSING_METADATA = """
CREATE FUNCTION lose_metadata() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER lose_metadata BEFORE INSERT ON transaction_metadata
    FOR EACH ROW EXECUTE FUNCTION lose_metadata();
"""
_FORGING = """
ALTER TABLE transactions DISABLE TRIGGER USER;
UPDATE transactions SET created_at = created_at - interval '1 microsecond'
    WHERE kind = 'top_up' AND sequence = 1;
ALTER TABLE transactions ENABLE TRIGGER USER;
"""


def remove_locks(connection: Connection) -> None:
    """No lock: two concurrent movements of one user start from the same balance."""
    [(body,)] = connection.execute(
        "SELECT pg_get_functiondef('lock_accounts(uuid[])'::regprocedure)"
    ).fetchall()
    assert _LOCKING in body, "lock_accounts locks in a different way now"
    connection.execute(body.replace(_LOCKING, ""))
    connection.execute(_WITHOUT_SECOND_GUARD)


def forget_keys(connection: Connection) -> None:
    """No key: the stored key is never the one given, so that no repetition is recognised."""
    connection.execute(_FORGETTING_KEYS)


def forget_closed_keys(connection: Connection) -> None:
    """Closing a key is acknowledged and not stored."""
    connection.execute(_FORGETTING_CLOSED_KEYS)


def lose_metadata(connection: Connection) -> None:
    """Metadata is acknowledged and not stored."""
    connection.execute(_LOSING_METADATA)


def acknowledge_early(connection: Connection) -> None:
    """Acknowledge before the commit is on disk; applies to new connections."""
    name = sql.Identifier(connection.info.dbname)
    connection.execute(sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(name))


def skip_a_sequence(connection: Connection) -> None:
    """A number of each ledger is taken and not used, as a rolled-back sequence object would."""
    connection.execute("UPDATE users SET sequence = sequence + 1 WHERE sequence > 0")


def lose_events(connection: Connection) -> None:
    """Every third entry of a ledger is missing from the outbox."""
    connection.execute(_LOSING_EVENTS)


def lose_notifications(connection: Connection) -> None:
    """Every third notification is numbered and announced, but not stored."""
    connection.execute(_LOSING_NOTIFICATIONS)


def lock_in_any_order(connection: Connection) -> None:
    """Two transfers between the same users may each wait for a row that the other has locked."""
    connection.execute(_LOCKING_IN_ANY_ORDER)


def lose_mails(connection: Connection) -> None:
    """Each mail is marked as sent when it is requested, so that nothing sends it."""
    connection.execute(_LOSING_MAILS)


def forget_sending(connection: Connection) -> None:
    """Nothing records that a mail was sent, until it is sent again."""
    connection.execute(_FORGETTING_MAILS)


def forge_history(connection: Connection, key: bytes) -> None:
    """An attacker with the key changes a time so slightly that nothing contradicts it, and reseals the ledgers."""
    with connection.transaction():
        connection.execute(_FORGING)
        for users in sealing._all_users(connection):
            sealing._seal(connection, users, key)


class Broken:
    """A ledger that is intact except for `move`."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def run(self, command: CloseIdempotencyKey) -> Movement | None:
        """What `Ledger.run` does."""
        return await self._ledger.run(command)


class Late(Broken):
    """Ignores `notAfter`."""

    async def move(self, command: PostingCommand) -> Movement:
        """Do what `Ledger.move` does, at any time."""
        return await self._ledger.move(replace(command, not_after=None))  # type: ignore[type-var]


class Generous(Broken):
    """Pays again for a replayed key, and answers as if it had not."""

    async def move(self, command: PostingCommand) -> Movement:
        """Do what `Ledger.move` does, and once more for a replay."""
        moved = await self._ledger.move(command)
        if moved.replayed:
            key = f"again-{ids.new_id()}"
            again = replace(command, idempotency_key=key, reference=ids.new_id())  # type: ignore[type-var]
            await self._ledger.move(again)
        return moved


class Hasty(Broken):
    """Publishes an event before the commit, although the command may be refused."""

    def __init__(self, ledger: Ledger, database: Database, live: Live) -> None:
        super().__init__(ledger)
        self._database = database
        self._live = live

    async def move(self, command: PostingCommand) -> Movement:
        """Do what `Ledger.move` does, too late."""
        if isinstance(command, SendMoney):
            await self._tell(command)
        return await self._ledger.move(command)

    async def _tell(self, command: SendMoney) -> None:
        caller = await accounts.person(self._database, command.authority.user_id)
        assert caller is not None
        amount_minor = int(command.amount * 100)
        entry = transfers.Entry(
            user_id=command.authority.user_id,
            sequence=caller.sequence + 1,
            reference=command.reference,
            kind=kinds.Kind.TRANSFER,
            direction=kinds.Direction.OUTGOING,
            amount_minor=amount_minor,
            fee_minor=0,
            counterparty_id=command.recipient_id,
            note=command.note,
            balance_after_minor=caller.balance_minor - amount_minor,
            created_at=datetime.now(UTC),
        )
        self._live.posted(entry, None)
