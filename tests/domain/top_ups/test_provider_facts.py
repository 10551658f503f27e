"""Every order and repetition of what a provider reports leads to the same account ledger, tested with Hypothesis.

The ledger decides in pure Python; what the database keeps of top-ups is kept here in two dictionaries.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from domain import errors
from domain.authority import Session
from domain.ledger import money, settling
from domain.ledger.close_key import CloseIdempotencyKey, CloseKey
from domain.ledger.decisions import Command, Key, KeyClosure, Ledger
from domain.ledger.kinds import Direction, Kind
from domain.ledger.reversals import Original
from domain.ledger.transfers import Account, Entry
from domain.top_ups.crediting import AbandonTopUp, CreditTopUp, TopUpOf, TopUpPosted, TopUpState
from domain.top_ups.provider import Source
from domain.top_ups.returning import ReturnTopUp
from domain.top_ups.reversing import (
    Payment,
    PaymentOf,
    Reversal,
    ReversalChanged,
    ReversalOf,
    ReversalPosted,
    ReverseTopUp,
    Status,
)
from domain.top_ups.top_ups import Status as TopUpStatus
from domain.top_ups.top_ups import TopUp

NOW = datetime(2026, 11, 28, 8, 30, tzinfo=UTC)
USER = UUID(int=1)
SESSION = UUID(int=2)
LIMITS = money.limits("USD", maximum_transfer="100", maximum_top_up="100", maximum_balance="100")
AMOUNTS = {"a": 700, "b": 300}
TOP_UPS = {
    name: TopUp(
        USER, UUID(int=number), "stripe", AMOUNTS[name], TopUpStatus.PENDING, f"key-of-{name}-1",
        None, NOW,
    )
    for number, name in enumerate(AMOUNTS, 10)
}  # fmt: skip
#: The refunds and disputes: of which top-up, and how much.
TAKEN = {"a1": ("a", 200), "a2": ("a", 500), "a3": ("a", 700), "b1": ("b", 300)}

#: What may come, each as often and whenever it likes.
FACTS = st.sampled_from(
    ["pay a", "pay b", *(f"take {name}" for name in TAKEN), *(f"return {name}" for name in TAKEN)]
)


@dataclass
class Books:
    """A user's ledger, and the rows of the top-ups and of what was taken back."""

    account: Account = field(default_factory=lambda: Account(USER, 0, 0, is_verified=True))
    entries: list[Entry] = field(default_factory=list)
    states: dict[str, TopUpState] = field(
        default_factory=lambda: {name: TopUpState(True, None, None) for name in TOP_UPS}
    )
    reversals: dict[str, Reversal] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    taken_by: dict[UUID, UUID] = field(default_factory=dict)
    references: int = 1000

    def apply(self, fact: str) -> None:
        verb, name = fact.split()
        if verb == "pay":
            self._execute(CreditTopUp(TOP_UPS[name], f"cs_{name}", f"pi_{name}", self._new()))
            for reversal in [*self.reversals]:
                self._take(reversal)
        elif name not in self.reversals:
            top_up, amount_minor = TAKEN[name]
            status = Status.WAITING if verb == "take" else Status.RETURNED
            self.reversals[name] = Reversal(
                USER, UUID(int=100 + [*TAKEN].index(name)), TOP_UPS[top_up].top_up_id,
                Source.DISPUTE, amount_minor, status,
            )  # fmt: skip
            self._take(name)
        elif verb == "take":
            self._take(name)
        else:
            self._execute(ReturnTopUp(self.reversals[name], self._new()))

    def spend(self, amount_minor: int) -> None:
        """What the user sends to others, as far as there is any."""
        sent = min(amount_minor, self.account.balance_minor)
        self.account = replace(self.account, balance_minor=self.account.balance_minor - sent)

    def close(self, name: str) -> bool:
        """Close the key of a top-up; whether it had been credited."""
        command = CloseIdempotencyKey(
            Session(USER, SESSION), Kind.TOP_UP, TOP_UPS[name].idempotency_key
        )
        self._execute(command)
        return self.states[name].sequence is not None

    def _take(self, name: str) -> None:
        self._execute(ReverseTopUp(self.reversals[name], self._new()))

    def keys_of(self, top_up_id: UUID) -> set[str]:
        own = {each.idempotency_key for each in TOP_UPS.values() if each.top_up_id == top_up_id}
        of_returned = {
            f"returned:{each.reversal_id}"
            for each in self.reversals.values()
            if each.top_up_id == top_up_id
        }
        return own | of_returned

    def _new(self) -> UUID:
        self.references += 100
        return UUID(int=self.references)

    def _execute(self, command: Command) -> None:
        ledger = Ledger(
            accounts={USER: self.account},
            posted={
                Key(USER, each.kind, each.idempotency_key): each
                for each in self.entries
                if each.idempotency_key is not None
            },
            active={command.authority.id},
            now=NOW,
            limits=LIMITS,
            found={
                **{TopUpOf(TOP_UPS[name].key): state for name, state in self.states.items()},
                **{ReversalOf(USER, each.reversal_id): each for each in self.reversals.values()},
                **{
                    PaymentOf(USER, top_up.top_up_id): self._payment(name)
                    for name, top_up in TOP_UPS.items()
                    if self.states[name].sequence is not None
                },
            },
        )
        if command.key.idempotency_key in self.closed:
            ledger.found[KeyClosure(command.key)] = True
        settlement = settling.settle(ledger, [command])
        [outcome] = settlement.outcomes
        assert not isinstance(outcome, errors.DomainError) or isinstance(
            outcome, errors.IdempotencyKeyClosed
        ), outcome
        self.account = ledger.accounts[USER]
        self.entries += settlement.entries
        for effect in settlement.effects:
            if isinstance(effect, TopUpPosted):
                [name] = [n for n, t in TOP_UPS.items() if t.top_up_id == effect.top_up_id]
                self.states[name] = TopUpState(False, effect.sequence, effect.payment_id)
            elif isinstance(effect, ReversalChanged):
                [name] = [
                    n for n, r in self.reversals.items()
                    if r.reversal_id == effect.reversal.reversal_id
                ]  # fmt: skip
                self.reversals[name] = effect.reversal
            elif isinstance(effect, ReversalPosted):
                self.taken_by[effect.reference] = effect.reversal_id
            elif isinstance(effect, CloseKey):
                self.closed.add(effect.key.idempotency_key)
            elif isinstance(effect, AbandonTopUp):
                [name] = [n for n, t in TOP_UPS.items() if t.key == effect.key]
                self.states[name] = TopUpState(False, None, None)

    def _payment(self, name: str) -> Payment:
        top_up_id = TOP_UPS[name].top_up_id
        reversals = [each for each in self.reversals.values() if each.top_up_id == top_up_id]
        claims = (Status.POSTED, Status.COVERED)
        keys = self.keys_of(top_up_id)
        return Payment(
            AMOUNTS[name],
            sum(each.amount_minor for each in reversals if each.status in claims),
            sum(each.taken_minor - each.returned_minor for each in reversals),
            tuple(self._original(each) for each in self.entries if each.idempotency_key in keys),
        )

    def _original(self, entry: Entry) -> Original:
        taken = sum(e.amount_minor for e in self.entries if e.reverses == entry.reference)
        return Original(entry, taken)


def added(books: Books, name: str) -> int:
    """What came in by payments of that top-up, less what was taken back."""
    keys = books.keys_of(TOP_UPS[name].top_up_id)
    credited = [entry for entry in books.entries if entry.idempotency_key in keys]
    references = {entry.reference for entry in credited}
    taken = [entry for entry in books.entries if entry.reverses in references]
    return sum(e.amount_minor for e in credited) - sum(e.amount_minor for e in taken)


def check(books: Books) -> None:
    """What holds after each fact."""
    incoming = [e for e in books.entries if e.direction is Direction.INCOMING]
    for name, top_up in TOP_UPS.items():
        own = [e for e in incoming if e.idempotency_key == top_up.idempotency_key]
        assert len(own) <= 1
        assert 0 <= added(books, name) <= AMOUNTS[name]
        if books.states[name].sequence is not None:
            # What is held for a payment is what the provider still holds of it, of all that it has reported
            # and that does not wait for the balance.
            claims = (Status.POSTED, Status.COVERED)
            taken = [
                reversal.amount_minor
                for reversal in books.reversals.values()
                if reversal.top_up_id == top_up.top_up_id and reversal.status in claims
            ]
            assert added(books, name) == max(AMOUNTS[name] - sum(taken), 0)
    for entry in books.entries:
        assert entry.balance_after_minor >= 0
        assert sum(e.amount_minor for e in books.entries if e.reverses == entry.reference) <= (
            entry.amount_minor
        )
    assert len({entry.reference for entry in books.entries}) == len(books.entries)
    for reversal in books.reversals.values():
        own = [e for e in books.entries if books.taken_by.get(e.reference) == reversal.reversal_id]
        assert sum(e.amount_minor for e in own) == reversal.taken_minor
        back = [e for e in books.entries if e.reference == reversal.returned_reference]
        assert sum(e.amount_minor for e in back) == reversal.returned_minor


@given(st.lists(FACTS, max_size=25))
def test_every_order_and_repetition_credits_once_and_takes_back_once(facts: list[str]) -> None:
    books = Books()
    for fact in facts:
        books.apply(fact)
        check(books)
    assert books.account.balance_minor == sum(added(books, name) for name in TOP_UPS)
    for name, amount_minor in AMOUNTS.items():
        is_paid = f"pay {name}" in facts
        held = [
            TAKEN[n][1] for n in TAKEN
            if TAKEN[n][0] == name and f"take {n}" in facts and f"return {n}" not in facts
        ]  # fmt: skip
        assert (books.states[name].sequence is not None) is is_paid
        # The net position at the provider, whatever the order.
        assert added(books, name) == max(amount_minor - sum(held), 0) * is_paid


def test_a_dispute_takes_what_a_failed_refund_gave_back_too() -> None:
    books = Books()
    for fact in ("pay a", "take a1", "return a1", "take a3"):
        books.apply(fact)
        check(books)
    assert books.account.balance_minor == 0
    assert [e.amount_minor for e in books.entries] == [700, 200, 200, 500, 200]


def test_what_a_refund_claims_too_is_not_credited_when_the_dispute_is_won() -> None:
    books = Books()
    for fact in ("pay a", "take a3", "take a2", "return a3"):
        books.apply(fact)
        check(books)
    assert books.account.balance_minor == 200
    books.apply("return a2")
    check(books)
    assert books.account.balance_minor == 700


@given(st.permutations(["pay a", "take a1", "take a2", "pay b", "take b1", "return b1"]))
def test_all_orders_of_the_same_facts_end_with_the_same_balance(facts: list[str]) -> None:
    books = Books()
    for fact in facts:
        books.apply(fact)
    assert books.account.balance_minor == 300
    assert all(reversal.status is not Status.WAITING for reversal in books.reversals.values())


@given(st.lists(st.one_of(FACTS, st.integers(1, 500)), max_size=25))
def test_a_balance_that_was_spent_never_becomes_negative(steps: list[str | int]) -> None:
    books = Books()
    for step in steps:
        if isinstance(step, int):
            books.spend(step)
        else:
            books.apply(step)
        check(books)
        assert books.account.balance_minor >= 0
    for reversal in books.reversals.values():
        if reversal.is_short:
            assert books.account.restricted_until is not None


@given(st.lists(st.sampled_from(["pay a", "close"]), min_size=1, max_size=6))
def test_a_closed_key_is_never_credited(steps: list[str]) -> None:
    books = Books()
    for step in steps:
        if step == "close":
            books.close("a")
        else:
            books.apply(step)
    credited = steps[0] == "pay a"
    assert (books.states["a"].sequence is not None) is credited
    assert books.account.balance_minor == (AMOUNTS["a"] if credited else 0)
    assert not books.states["a"].is_pending
