"""Deciding an ordered list of commands in pure Python.

The caller holds the account locks, and writes the returned settlement in the same transaction.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from domain import errors
from domain.ledger import seals
from domain.ledger.decisions import Command, Done, Effect, Ledger, Outcome, Posted
from domain.ledger.handlers import HANDLERS
from domain.ledger.mails import RequestMail
from domain.ledger.seals import Fields
from domain.ledger.transfers import Account, Entry
from domain.notifications import notification_kinds
from domain.notifications.notices import Notice, Notification


@dataclass(slots=True)
class Settlement:
    """The outcome of each command, and the changes to write."""

    outcomes: list[Outcome] = field(default_factory=list)
    #: New entries, in the order in which they were created.
    entries: list[Entry] = field(default_factory=list)
    #: The fields of each of them, as they were sealed.
    fields: list[Fields] = field(default_factory=list)
    #: The changed accounts in their new state.
    accounts: dict[UUID, Account] = field(default_factory=dict)
    effects: list[Effect] = field(default_factory=list)
    #: New notifications, in the order in which they were created.
    notifications: list[Notification] = field(default_factory=list)


def settle(ledger: Ledger, commands: Iterable[Command]) -> Settlement:
    """Decide each command in turn and independently: a refused one does not affect the others.

    Only the authority is checked before the key: a caller whose authority has ended posts nothing and
    learns nothing. Refusals are returned as outcomes, not raised.
    """
    settlement = Settlement()
    for command in commands:
        try:
            settlement.outcomes.append(_decide(ledger, command, settlement))
        except errors.DomainError as refusal:
            settlement.outcomes.append(refusal)
    return settlement


def _decide(ledger: Ledger, command: Command, settlement: Settlement) -> Posted | Done:
    authority = command.authority
    caller = ledger.accounts.get(authority.user_id)
    if caller is None or caller.is_closed or authority.id not in ledger.active:
        raise errors.Unauthenticated
    handler = HANDLERS[type(command)]
    key = command.key
    earlier = ledger.posted.get(key)
    if earlier is not None:
        if not handler.is_same_input(ledger, command, earlier):
            raise errors.IdempotencyKeyReused
        return Posted(earlier, caller, replayed=True)
    decision = handler.decide(ledger, command, caller)
    if decision.found:
        ledger.found.update(decision.found)
    settlement.effects += decision.effects
    entries = [_post(ledger, settlement, entry) for entry in decision.entries]
    told = tuple(_notify(ledger, settlement, notice) for notice in decision.notices)
    account = ledger.accounts[authority.user_id]
    if not entries:
        return Done(account, told)
    ledger.posted[key] = entries[0]
    return Posted(entries[0], account, replayed=False, notifications=told)


def _post(ledger: Ledger, settlement: Settlement, entry: Entry) -> Entry:
    """Append the sealed entry to its account ledger, and update the account."""
    account = ledger.accounts[entry.user_id]
    fields = seals.fields(entry)
    content = seals.content_of(fields)
    entry = entry.sealed(seals.seal_content(ledger.audit_key, content, account.book_seal))
    account = account.after(entry)
    ledger.accounts[entry.user_id] = account
    settlement.accounts[entry.user_id] = account
    settlement.entries.append(entry)
    settlement.fields.append(fields)
    return entry


def _notify(ledger: Ledger, settlement: Settlement, notice: Notice) -> Notification:
    """Give the notice the user's next number, and request its mail if the user wants one."""
    account = ledger.accounts[notice.user_id].notified()
    # As entries are: not earlier than the user's newest entry, by whatever clock that was posted.
    now, last_posted_at = ledger.now, account.last_posted_at
    if last_posted_at is not None and last_posted_at > now:
        now = last_posted_at
    notification = Notification.of(notice, account.notification_number, now)
    ledger.accounts[notice.user_id] = account
    settlement.accounts[notice.user_id] = account
    settlement.notifications.append(notification)
    if (
        notification_kinds.is_mailed(notice.kind, account.mailed_notifications)
        and account.is_verified
    ):
        settlement.effects.append(RequestMail.of(notice, notification))
    return notification
