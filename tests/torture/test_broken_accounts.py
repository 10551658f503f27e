"""Broken wallets that forget restrictions, closed accounts, used codes or refunds: the checker finds each."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

import torture.ledgers
from domain import ids
from domain.people.restrictions import Restriction
from domain.top_ups.crediting import CreditTopUp
from domain.top_ups.provider import Source, TakenBack
from domain.top_ups.reversing import ReverseTopUp
from domain.top_ups.top_ups import Request, TopUp
from persistence.engine import unit_of_work
from persistence.leaving import closing
from persistence.people import restrictions
from persistence.top_ups import reversals, top_ups
from tests import books as making
from tests.books import Books, Someone
from torture import checker
from torture.broken import accounts
from torture.broken.crowd import Crowd
from torture.provider_records import Payment, ProviderRecords, Taken
from torture.record import Operation, Record
from torture.record_accounts import AskedTopUp, Bar, Barred

pytestmark = pytest.mark.anyio


@pytest.fixture
async def books(database_url: str) -> AsyncIterator[Books]:
    async with making.opened(database_url) as opened:
        yield opened


class Wallet:
    """Alpha, who has 10.00, and Beta, who has nothing."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.alpha, self.beta = books.join("Alpha"), books.join("Beta")
        record = Record(1, has_channels=False, epoch_offset=time.time() - time.monotonic())
        people = [self.alpha, self.beta]
        self.crowd = Crowd(record, people, [books.ledger], books.database)
        self.record = record

    def check(self) -> list[checker.Violation]:
        """What is broken; no mails are sent in these tests."""
        read = torture.ledgers.read(self.books.url)
        read.waiting, read.mails = 0, []
        return checker.check(self.record, read)

    async def restrict(self) -> None:
        async def work(unit: unit_of_work.Unit) -> None:
            await restrictions.restrict(unit, self.alpha.user_id, [Restriction.SENDING], None)

        barred = Barred(self.alpha.user_id, Bar.SENDING, time.monotonic())
        await unit_of_work.run(self.books.database, work)
        barred.answered = time.monotonic()
        self.record.barred.append(barred)

    async def close(self, user: Someone) -> None:
        barred = Barred(user.user_id, Bar.EVERYTHING, time.monotonic())
        await closing.close(
            self.books.database, user.principal, password_hash="-", limits=making.LIMITS
        )
        barred.answered = time.monotonic()
        self.record.barred.append(barred)


@pytest.fixture
async def wallet(books: Books) -> Wallet:
    made = Wallet(books)
    await made.crowd.add(made.alpha, 1000)
    return made


async def test_a_wallet_that_forgets_restrictions_is_found(wallet: Wallet) -> None:
    await wallet.crowd.send(wallet.alpha, wallet.beta, 10)
    await wallet.restrict()
    refused = await wallet.crowd.send(wallet.alpha, wallet.beta, 10)
    assert refused.refusal == "AccountRestricted"
    assert wallet.check() == []
    accounts.forget_restrictions(wallet.books.connection)
    await wallet.restrict()
    await wallet.crowd.send(wallet.alpha, wallet.beta, 10)
    found = wallet.check()
    assert {each.promise for each in found} == {12}, found


async def test_a_wallet_that_forgets_that_an_account_is_closed_is_found(wallet: Wallet) -> None:
    gamma = wallet.books.join("Gamma")
    await wallet.close(wallet.beta)
    refused = await wallet.crowd.send(wallet.alpha, wallet.beta, 10)
    assert refused.refusal == "RecipientNotFound"
    assert wallet.check() == []
    accounts.forget_closed_accounts(wallet.books.connection)
    await wallet.close(gamma)
    await wallet.crowd.send(wallet.alpha, gamma, 10)
    found = wallet.check()
    assert {each.promise for each in found} == {12}, found
    assert "barred from EVERYTHING" in found[0].sentence


async def test_a_wallet_that_forgets_used_codes_is_found(wallet: Wallet) -> None:
    confirming = _with_second_factor(wallet)

    async def send_with_the_code() -> str | None:
        asked = wallet.crowd.command(wallet.alpha, Operation.SEND_MONEY, wallet.beta.user_id, 10)
        asked.confirmation = (f"challenge of {asked.key}", "the code")
        await wallet.crowd.ask(wallet.alpha, asked, confirming)
        return asked.refusal

    assert [await send_with_the_code() for _ in range(2)] == [None, "InvalidSecondFactor"]
    assert wallet.check() == []
    accounts.forget_codes(wallet.books.connection)
    wallet.books.connection.execute("UPDATE recovery_codes SET used_at = NULL")
    assert await send_with_the_code() is None
    found = wallet.check()
    assert {each.promise for each in found} == {13}, found


def _with_second_factor(wallet: Wallet) -> accounts.Confirming:
    """Alpha has an authenticator app and one recovery code."""
    user_id, code_id = wallet.alpha.user_id, ids.new_id()
    connection = wallet.books.connection
    connection.execute(
        "INSERT INTO totp_factors (user_id, id, key_id, encrypted, last_step, created_at) "
        "VALUES (%s, %s, '\\x0000000000000000', '\\x00', 76, now())",
        [user_id, ids.new_id()],
    )
    connection.execute(
        "INSERT INTO recovery_codes (user_id, id, code_hash, created_at) VALUES (%s, %s, %s, now())",
        [user_id, code_id, bytes(32)],
    )
    connection.execute("UPDATE users SET confirm_above = 1 WHERE id = %s", [user_id])
    wallet.record.careful.add(user_id)
    return accounts.Confirming(wallet.books.ledger, connection, code_id)


# ================================================================ the payment provider


class Paid:
    """A top-up of Alpha's over 5.00 that was paid at the provider, and its payment."""

    def __init__(self, wallet: Wallet, number: int) -> None:
        self.wallet = wallet
        self.payment_id, self.session = f"pi_{number}", f"cs_{number}"
        self.asked = AskedTopUp(wallet.alpha.user_id, 500, f"top-up-{number:04}", 1.0, 2.0)
        self.asked.answer = "TopUpStarted"
        self.top_up: TopUp

    async def start(self) -> None:
        self.wallet.record.top_ups.append(self.asked)
        request = Request(Decimal(5), self.asked.key, "stripe")
        database, alpha = self.wallet.books.database, self.wallet.alpha
        self.top_up, _ = await top_ups.start(database, alpha.principal, request, making.LIMITS)

    async def credit(self) -> None:
        command = CreditTopUp(self.top_up, self.session, self.payment_id, ids.new_id())
        await self.wallet.books.ledger.move(command)

    async def refund(self, source_id: str) -> None:
        fact = TakenBack(self.payment_id, source_id, Source.REFUND, 200, "USD", is_returned=False)
        stored = await reversals.record(self.wallet.books.database, self.top_up, fact)
        await self.wallet.books.ledger.run(ReverseTopUp(stored, ids.new_id()))

    def payment(self, *taken: Taken) -> Payment:
        user_id, top_up_id = self.top_up.user_id, self.top_up.top_up_id
        return Payment(self.session, self.payment_id, user_id, top_up_id, 500, taken)


async def test_a_wallet_that_credits_what_was_not_paid_is_found(wallet: Wallet) -> None:
    paid, not_paid = Paid(wallet, 1), Paid(wallet, 2)
    await paid.start()
    await paid.credit()
    await not_paid.start()
    wallet.record.at_provider = ProviderRecords([paid.payment()])
    assert wallet.check() == []
    await not_paid.credit()
    found = wallet.check()
    assert {each.promise for each in found} == {11}, found
    assert "the provider has no payment" in found[0].sentence


async def test_a_wallet_that_never_learns_of_a_payment_is_found(wallet: Wallet) -> None:
    paid = Paid(wallet, 1)
    await paid.start()
    wallet.record.at_provider = ProviderRecords([paid.payment()])
    found = wallet.check()
    assert {each.promise for each in found} == {11}, found
    assert "neither credited nor refunded" in found[0].sentence


async def test_a_wallet_that_forgets_refunds_is_found(wallet: Wallet) -> None:
    taken, forgotten = Taken("re_1", 200, False), Taken("re_2", 200, False)
    paid = Paid(wallet, 1)
    await paid.start()
    await paid.credit()
    await paid.refund("re_1")
    wallet.record.at_provider = ProviderRecords([paid.payment(taken)])
    assert wallet.check() == []
    accounts.forget_refunds(wallet.books.connection)
    await paid.refund("re_2")
    wallet.record.at_provider = ProviderRecords([paid.payment(taken, forgotten)])
    found = wallet.check()
    assert {each.promise for each in found} == {11}, found
    assert any("The provider has 100 of it, and the account 300" in e.sentence for e in found)
