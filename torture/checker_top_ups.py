"""Promise 11: what the payment provider has recorded and the ledgers agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from uuid import UUID

from domain.ledger.kinds import Kind
from domain.top_ups.reversing import Status as ReversalStatus
from domain.top_ups.top_ups import Refund, Status
from torture.ledgers import AccountLedger, Entry, Ledgers, TakenRow, TopUpRow
from torture.provider_records import Payment, ProviderRecords, Taken
from torture.record import Record
from torture.violations import Violation, most

STARTED = "TopUpStarted"
_CREDITED = (Status.POSTED, Status.REVERSED)


def check(record: Record, ledgers: Ledgers) -> Iterator[Violation]:
    """All payments, once everything is drained; `record.at_provider` is None where there is no provider."""
    check = _Check(record, ledgers, record.at_provider or ProviderRecords())
    yield from most(check.started())
    if record.at_provider is None:
        return
    for payment in record.at_provider.payments:
        yield from check.payment(payment)
    yield from most(check.rest())


class _Check:
    def __init__(self, record: Record, ledgers: Ledgers, known: ProviderRecords) -> None:
        self._record = record
        self._ledgers = ledgers
        self._rows = {row.top_up_id: row for row in ledgers.top_ups}
        self._taken = {row.source_id: row for row in ledgers.taken}
        self._paid = {payment.top_up_id: payment for payment in known.payments}
        self._known = {each.source_id for payment in known.payments for each in payment.taken}

    # ------------------------------------------------ what callers were answered

    def started(self) -> Iterator[Violation]:
        """What was answered is stored, and what is stored was requested."""
        stored = {(row.user_id, row.key): row for row in self._ledgers.top_ups}
        asked = {(each.user_id, each.key): each for each in self._record.top_ups}
        for key, each in asked.items():
            row = stored.get(key)
            if row is None and each.answer == STARTED:
                yield _broken(each.user_id, f"key {each.key}", "It was started and is not stored.")
            if row is not None and row.amount_minor != each.amount_minor:
                sentence = f"{each.amount_minor} was requested, and {row.amount_minor} is stored."
                yield _broken(each.user_id, f"key {each.key}", sentence)
        for key in stored.keys() - asked.keys():
            yield _broken(key[0], f"key {key[1]}", "No user requested this top-up.")

    # ------------------------------------------------ what the provider says was paid

    def payment(self, payment: Payment) -> Iterator[Violation]:
        row = self._rows.get(payment.top_up_id)

        def broken(sentence: str) -> Violation:
            return _broken(payment.user_id, f"payment {payment.payment_id}", sentence)

        if row is None or row.user_id != payment.user_id:
            yield broken("It was paid for a top-up that does not exist.")
        elif row.status in _CREDITED:
            yield from map(broken, self._credited(payment, row))
        elif row.refund is None or row.refund != Refund.MADE:
            yield broken(f"{payment.amount_minor} was paid and neither credited nor refunded.")
        elif payment.left_minor != 0:
            yield broken(f"It was refunded, and the provider still has {payment.left_minor}.")

    def _credited(self, payment: Payment, row: TopUpRow) -> Iterator[str]:
        ledger = self._ledgers.users[payment.user_id]
        entries = [
            each
            for each in ledger.entries
            if each.kind == Kind.TOP_UP and each.key == row.key and each.reverses is None
        ]
        if len(entries) != 1 or entries[0].reference != row.reference:
            yield f"It was credited {len(entries)} times."
            return
        if (entries[0].amount_minor, row.payment_id) != (payment.amount_minor, payment.payment_id):
            yield f"{payment.amount_minor} was paid, and {entries[0]} was credited for {row}."
        open_minor = 0
        for taken in payment.taken:
            stored = self._taken.get(taken.source_id)
            yield from self._taken_back(taken, stored, ledger)
            if stored is not None and stored.status == ReversalStatus.WAITING:
                open_minor += stored.amount_minor
        net_minor = _net(ledger, entries[0], [self._taken.get(t.source_id) for t in payment.taken])
        if net_minor - open_minor != payment.left_minor:
            yield (
                f"The provider has {payment.left_minor} of it, and the account {net_minor}, of which "
                f"{open_minor} are not covered."
            )

    def _taken_back(
        self, taken: Taken, row: TakenRow | None, ledger: AccountLedger
    ) -> Iterator[str]:
        if taken.is_returned:
            if row is not None and row.status != ReversalStatus.RETURNED:
                yield f"The provider returned {taken.source_id}, which is {row.status}."
            return
        if row is None:
            yield f"The provider took {taken.amount_minor} back ({taken.source_id}); nobody knows it."
        elif row.status == ReversalStatus.WAITING:
            yield from self._not_covered(row, ledger)
        elif row.status != ReversalStatus.POSTED or row.taken_minor != taken.amount_minor:
            yield (
                f"The provider took {taken.amount_minor} back ({taken.source_id}), and it is "
                f"{row.status} with {row.taken_minor}."
            )

    def _not_covered(self, row: TakenRow, ledger: AccountLedger) -> Iterator[str]:
        """It is open because the balance does not cover it, and the account was restricted for it."""
        covers = ledger.balance_minor >= row.amount_minor and ledger.closed_at is None
        if not row.is_short or covers:
            yield f"{row.source_id} is open, and the balance of {ledger.balance_minor} covers it."
        was_lifted = any(
            each.user_id == row.user_id and self._record.microseconds(each.ended) > row.created_at
            for each in self._record.lifts
        )
        if ledger.closed_at is None and not ledger.is_restricted and not was_lifted:
            yield f"{row.source_id} is not covered, and the account is not restricted."

    # ------------------------------------------------ what the provider does not know

    def rest(self) -> Iterator[Violation]:
        """Nothing was credited that was not paid, and nothing taken that the provider did not take."""
        for row in self._ledgers.top_ups:
            if row.status in _CREDITED and row.top_up_id not in self._paid:
                sentence = f"{row.amount_minor} was credited, and the provider has no payment."
                yield _broken(row.user_id, f"key {row.key}", sentence)
        for taken in self._ledgers.taken:
            if taken.source_id not in self._known:
                sentence = "It was taken back, and the provider does not know of it."
                yield _broken(taken.user_id, taken.source_id, sentence)
        returned = {f"returned:{row.reversal_id}" for row in self._ledgers.taken}
        for ledger in self._ledgers.users.values():
            for entry in ledger.entries:
                is_returned = entry.key is not None and entry.key.startswith("returned:")
                if is_returned and entry.key not in returned:
                    yield _broken(ledger.user_id, f"key {entry.key}", "Nothing was returned.")


def _net(ledger: AccountLedger, credit: Entry, taken: list[TakenRow | None]) -> int:
    """What the account has of a payment: its credit and what was returned, less all their reversals."""
    returned = {row.returned_reference for row in taken if row is not None} - {None}
    credited: Mapping[UUID, Entry] = {
        each.reference: each
        for each in ledger.entries
        if each.reference == credit.reference or each.reference in returned
    }
    reversed_minor = sum(each.amount_minor for each in ledger.entries if each.reverses in credited)
    return sum(each.amount_minor for each in credited.values()) - reversed_minor


def _broken(user_id: UUID, where: str, sentence: str) -> Violation:
    return Violation(11, user_id, where, sentence)
