"""Promise 9: a payment request is closed once, in one way, and paid by one transaction."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from uuid import UUID

from torture.ledgers import AccountLedger, Entry, Ledgers, RequestRow
from torture.record import Record
from torture.record_requests import Act, AskedRequest, Attempt
from torture.violations import Violation, most

CREATED, CLOSED = "MoneyRequested", "RequestClosed"

#: By status, whom a request's notification is for, and its kind.
_TOLD = {
    "paid": (("requester", "request_paid"),),
    "declined": (("requester", "request_declined"),),
    "cancelled": (("payer", "request_cancelled"),),
    "expired": (("requester", "request_expired"), ("payer", "request_expired")),
    "pending": (),
}


def check(record: Record, ledgers: Ledgers, *, is_over: bool = True) -> Iterator[Violation]:
    """All payment requests; while money moves (not `is_over`), what ended before the ledgers were read."""
    stored: defaultdict[UUID, dict[str, RequestRow]] = defaultdict(dict)
    for row in ledgers.requests:
        stored[row.request_id][row.role] = row
    asked = {(each.requester_id, each.key): each for each in record.requests}
    by_key = {
        (rows["requester"].requester_id, rows["requester"].key): rows
        for rows in stored.values()
        if "requester" in rows
    }
    check = _Check(record, ledgers)
    for request_id, rows in stored.items():
        yield from most(check.stored(request_id, rows))
        own = rows.get("requester")
        if own is not None and (own.requester_id, own.key) not in asked:
            yield _broken(own.requester_id, request_id, "No user requested it.")
    for key, each in asked.items():
        if is_over or 0 < each.ended < ledgers.read_at:
            yield from most(check.asked(each, by_key.get(key), is_over))


class _Check:
    def __init__(self, record: Record, ledgers: Ledgers) -> None:
        self._record = record
        self._users = ledgers.users
        self._read_at = ledgers.read_at
        #: By user and key: the transfers that the user sent.
        self._sent: dict[tuple[UUID, str], Entry] = {}
        self._by_reference: dict[tuple[UUID, UUID], Entry] = {}
        self._told: Counter[tuple[UUID, str, UUID]] = Counter()
        for ledger in ledgers.users.values():
            self._take(ledger)

    def _take(self, ledger: AccountLedger) -> None:
        for entry in ledger.entries:
            if entry.kind == "transfer":
                self._by_reference[ledger.user_id, entry.reference] = entry
                if entry.key is not None:
                    self._sent[ledger.user_id, entry.key] = entry
        for each in ledger.notified:
            if each.subject_id is not None:
                self._told[ledger.user_id, each.kind, each.subject_id] += 1

    # ------------------------------------------------ what is stored

    def stored(self, request_id: UUID, rows: dict[str, RequestRow]) -> Iterator[Violation]:
        """The rows of one request agree, and with the ledgers and the notifications."""
        own, other = rows.get("requester"), rows.get("payer")
        if own is None:
            yield _broken(None, request_id, "It is not stored under its requester.")
            return
        if (other is None) != (own.payer_id is None):
            yield _broken(own.user_id, request_id, "It is not stored under each of its users.")
        if other is not None and _shared(own) != _shared(other):
            sentence = f"Its users have different rows: {_shared(own)} and {_shared(other)}."
            yield _broken(own.user_id, request_id, sentence)
        if own.status == Act.PAY:
            yield from self._paid(own)
        yield from self._notified(own, rows)

    def _paid(self, row: RequestRow) -> Iterator[Violation]:
        assert row.payer_id is not None
        assert row.reference is not None
        for user_id, other_id, is_incoming in (
            (row.payer_id, row.requester_id, False),
            (row.requester_id, row.payer_id, True),
        ):
            entry = self._by_reference.get((user_id, row.reference))
            if entry is None:
                sentence = f"It is paid by {row.reference}, which {user_id} does not have."
                yield _broken(user_id, row.request_id, sentence)
                continue
            found = (entry.amount_minor, entry.counterparty_id, entry.is_incoming, entry.note)
            if found != (row.amount_minor, other_id, is_incoming, row.note):
                sentence = f"It is about {row.amount_minor}, and {row.reference} is {entry}."
                yield _broken(user_id, row.request_id, sentence)
            if entry.created_at >= row.expires_at:
                sentence = f"It expired at {row.expires_at} and was paid at {entry.created_at}."
                yield _broken(user_id, row.request_id, sentence)

    def _notified(self, own: RequestRow, rows: dict[str, RequestRow]) -> Iterator[Violation]:
        due = list(_TOLD[own.status])
        if not own.is_open:
            due.append(("payer", "request_received"))
        for role, kind in due:
            row = rows.get(role)
            if row is not None:
                times = self._told[row.user_id, kind, row.request_id]
                if times != 1:
                    sentence = f"It is {own.status}, and its {role} has {times} of {kind}."
                    yield _broken(row.user_id, row.request_id, sentence)

    # ------------------------------------------------ what was observed

    def asked(
        self, asked: AskedRequest, rows: dict[str, RequestRow] | None, is_over: bool
    ) -> Iterator[Violation]:
        """What the callers were answered is what is stored."""
        where = f"key {asked.key}"
        if rows is None:
            if asked.answer == CREATED:
                sentence = "Its creation was acknowledged, and it is not stored."
                yield Violation(9, asked.requester_id, where, sentence)
            return
        own = rows["requester"]
        if asked.answer not in (None, CREATED):
            sentence = f"It was refused with {asked.answer}, and is stored."
            yield Violation(9, asked.requester_id, where, sentence)
        if (own.amount_minor, own.note) != (asked.amount_minor, asked.note):
            sentence = f"{asked.amount_minor} was requested, and {own.amount_minor} is stored."
            yield Violation(9, asked.requester_id, where, sentence)
        if asked.payer_id not in (None, own.payer_id):
            sentence = f"{asked.payer_id} was to pay, and {own.payer_id} is stored."
            yield Violation(9, asked.requester_id, where, sentence)
        for attempt in asked.attempts:
            if is_over or 0 < attempt.ended < self._read_at:
                for sentence in self._attempt(attempt, own):
                    yield _broken(attempt.user_id, own.request_id, sentence)

    def _attempt(self, attempt: Attempt, own: RequestRow) -> Iterator[str]:
        if attempt.has_closed and own.status != attempt.act:
            yield f"{attempt.user_id} was told that it is {attempt.act}, and it is {own.status}."
        if attempt.answer == CLOSED and own.status == "pending":
            answered_at = self._record.microseconds(attempt.ended)
            if answered_at < own.expires_at:
                yield f"{attempt.user_id} was told that it is closed, and it is pending."
        entry = None if attempt.key is None else self._sent.get((attempt.user_id, attempt.key))
        if entry is not None and entry.reference != own.reference:
            yield (
                f"{attempt.user_id} paid {entry.reference} for it, and it is {own.status} by "
                f"{own.reference}."
            )


def _shared(row: RequestRow) -> tuple[object, ...]:
    return (
        row.requester_id,
        row.payer_id,
        row.amount_minor,
        row.note,
        row.status,
        row.reference,
        row.expires_at,
        row.closed_at,
    )


def _broken(user_id: UUID | None, request_id: UUID, sentence: str) -> Violation:
    return Violation(9, user_id, f"payment request {request_id}", sentence)
