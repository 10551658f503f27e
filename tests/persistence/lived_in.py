"""A database in which every table has rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from application import run_scheduled_transfer
from domain import errors, ids
from domain.authority import ApiToken
from domain.encryption import Keyring
from domain.ledger import metadata
from domain.ledger.close_key import CloseIdempotencyKey
from domain.ledger.kinds import Kind
from domain.ledger.reversals import Target
from domain.ledger.send_money import SendMoney
from domain.operators import actions
from domain.operators.log import ActionKind
from domain.people import sessions
from domain.people.accounts import MailPurpose
from domain.people.restrictions import Restriction
from domain.requests.payment_requests import PaymentRequest
from domain.requests.splits import SplitDraft
from domain.schedules.recurrence import Recurrence, RecurrenceUnit
from domain.schedules.scheduling import Request
from domain.top_ups.crediting import CreditTopUp
from domain.top_ups.provider import Session, Source, TakenBack
from domain.top_ups.returning import ReturnTopUp
from domain.top_ups.reversing import ReverseTopUp
from domain.top_ups.top_ups import Request as TopUpRequest
from domain.webhooks import Outcome, WebhookStream
from persistence.delivery import cursors, mails, outbox
from persistence.delivery.cursors import Due, Receiver
from persistence.engine import unit_of_work
from persistence.engine.unit_of_work import Unit
from persistence.leaving import closing as leaving
from persistence.leaving import exports
from persistence.operators import log_rows, operators
from persistence.people import accounts, api_tokens, blocks, registrations, restrictions
from persistence.people import sessions as stored_sessions
from persistence.requests import closing, splitting
from persistence.schedules import runs, schedules
from persistence.top_ups import attending, mismatches, reconciling, reversals, top_ups
from persistence.webhooks import attempts, webhooks
from tests.books import LIMITS, Books, Someone, paying, requesting_money, sending
from tests.persistence.secured import secure
from tests.reversing import Reverse


async def request_and_pay(books: Books, requester: Someone, payer: Someone) -> None:
    """A request in each state; those that were paid, by the payer."""
    made = [
        await requesting_money(books, requester, payer if is_addressed else None, note=note)
        for note, is_addressed in (
            ("pending", True), ("open", False), ("paid", True), ("paid by link", False),
            ("declined", True), ("cancelled", True), ("expired", True),
        )
    ]  # fmt: skip
    _, _, paid, by_link, declined, cancelled, expired = made
    for request in (paid, by_link):
        await books.ledger.move(paying(payer, request))
    db = books.database
    await closing.decline(db, payer.principal, *_ids(declined))
    await closing.cancel(db, requester.principal, *_ids(cancelled))
    books.connection.execute(
        "UPDATE payment_requests SET expires_at = created_at + interval '1 us' WHERE note = 'expired'"
    )
    assert await closing.expire(db, *_ids(expired))


def _ids(request: PaymentRequest) -> tuple[UUID, UUID]:
    return request.requester_id, request.request_id


async def lived_in(books: Books) -> None:
    """A row of every table, made as the service makes them."""
    db = books.database
    alpha, beta, leaver = books.join("Alpha"), books.join("Beta"), books.join("Leaver")
    await books.add(alpha, "10")
    sent = await books.send(alpha, beta, "1", note="Für den Käse")
    await books.send(beta, alpha, "0.50")
    token, _ = await api_tokens.create(
        db, alpha.principal, name="till", scopes=[sessions.Scope.SEND_MONEY],
        daily_limit_minor=100, expires_at=None,
    )  # fmt: skip
    await books.ledger.move(
        SendMoney(
            authority=ApiToken(alpha.user_id, token.api_token_id), recipient_id=beta.user_id, amount=Decimal("0.10"), note=None,
            idempotency_key="a-token's-key", reference=ids.new_id(),
        )
    )  # fmt: skip
    pairs = metadata.of([("order", "A-17"), ("branch", "Köln")])
    await books.ledger.move(replace(sending(alpha, beta), metadata=pairs))
    for handle in ("first.handle", "beta"):
        await accounts.update_profile(db, beta.principal, handle=handle)
    await books.ledger.run(CloseIdempotencyKey(beta.authority, Kind.TOP_UP, "a-closed-key"))
    await request_and_pay(books, alpha, beta)
    draft = SplitDraft(alpha.user_id, [beta.user_id], Decimal("10"), True, None, "pizza", None)
    await splitting.create(db, alpha.principal, draft, "a-split's-key", LIMITS)
    await blocks.block(db, beta.principal, alpha.user_id)
    await registrations.register(db, name="Zoë", email="zoe@example.com", password_hash="-")
    await accounts.request_password_reset(db, "nobody@example.com")
    [(user_id, mail_id)] = [
        due for due in await mails.due(db, 20) if due[0] not in (alpha.user_id, beta.user_id)
    ]
    mail = await mails.take(db, user_id, mail_id)
    assert mail is not None
    assert mail.purpose is MailPurpose.VERIFY_EMAIL
    await mails.add_link(db, mail, token_hash=bytes(32), link_id=ids.new_id())
    await mails.sent(db, mail)
    await registrations.resend_verification(db, "zoe@example.com")
    webhook, _ = await webhooks.create(
        db, Keyring(["a secret of tests"], "webhooks"), alpha.principal, url="https://example.com",
        stream=WebhookStream.WALLET_EVENTS, document="subscription { walletEvents { sequence } }",
        after_number=0,
    )  # fmt: skip
    accepted = Outcome(datetime.now(UTC), 7, 200, "ok", is_delivered=True)
    await attempts.add_alone(db, alpha.user_id, webhook.webhook_id, 1, accepted)
    await stored_sessions.end(db, beta.principal, beta.session_id)
    await _scheduled(books, alpha, beta, token.api_token_id)
    await _topped_up(books, alpha)
    await _operated(books, alpha, beta)
    await secure(books, alpha)
    both = Target(sent.entry.reference, (alpha.user_id, beta.user_id))
    await _exported(books, alpha)
    await leaving.close(db, leaver.principal, password_hash="-", limits=LIMITS)
    operator = books.join("Olga")
    await books.ledger.run(Reverse(operator.authority, both, Decimal("0.10")))
    receivers = [Receiver("pusher", user_id, user_id) for user_id in (alpha.user_id, beta.user_id)]
    await outbox.mark_published(
        db, (await outbox.claim(db, 100, 0)).rows, [Due(receiver, 1) for receiver in receivers]
    )
    async with cursors.take(db, receivers[1]) as cursor:
        await cursor.advance(1)


async def _exported(books: Books, alpha: Someone) -> None:
    """An export that is ready, in two parts."""
    db = books.database
    await exports.request(db, alpha.principal)
    [(user_id, export_id)] = await exports.due(db, 10)
    attempt = await exports.begin(db, user_id, export_id)
    assert attempt is not None
    for position, part in enumerate((b"PK", b"...")):
        assert await exports.add_chunk(db, attempt, position, part)
    await exports.finish(db, attempt, 5)


async def _scheduled(books: Books, alpha: Someone, beta: Someone, api_token_id: UUID) -> None:
    """A scheduled transfer with a run of each kind, which began three days ago."""
    db, now = books.database, datetime.now(UTC)
    request = Request(
        beta.user_id, Decimal("0.20"), "rent", now.date(), Recurrence(RecurrenceUnit.DAY), None,
        "a-key-of-a-schedule",
    )  # fmt: skip
    created, _ = await schedules.create(db, alpha.principal, request, LIMITS)
    books.connection.execute(
        "UPDATE scheduled_transfers SET created_at = created_at - interval '3 days', "
        "starts_on = starts_on - 3, attempt_at = attempt_at - interval '3 days', api_token_id = %s",
        [api_token_id],
    )
    for is_sent in (True, False, False):
        attempt = await runs.begin(db, created.user_id, created.schedule_id)
        assert attempt is not None
        if is_sent:
            await books.ledger.move(run_scheduled_transfer.command(attempt, LIMITS.currency))
        else:
            refusal = errors.RecipientNotFound()
            await runs.refused(db, attempt, refusal)


async def _topped_up(books: Books, someone: Someone) -> None:
    """Top-ups: one that is pending, one refunded to the payer, and two that were credited and disputed, of
    which one was won.
    """
    db, user_id = books.database, someone.user_id
    for number in range(4):
        request = TopUpRequest(Decimal(2), f"a-key-of-a-top-up-{number}", "stripe")
        started, _ = await top_ups.start(db, someone.principal, request, LIMITS)
        session = Session(f"cs_{number}", "https://pay.example", started.session_expires_at)
        started = await attending.session_created(db, started, session)
        if number == 1:
            await attending.refund(db, started, f"cs_{number}", f"pi_{number}")
        if number > 1:
            credit = CreditTopUp(started, f"cs_{number}", f"pi_{number}", ids.new_id())
            await books.ledger.move(credit)
            taken = TakenBack(f"pi_{number}", f"dp_{number}", Source.DISPUTE, 150, "USD")
            await reversals.record(db, started, taken)
            [waiting] = await reversals.waiting(db, user_id, started.top_up_id)
            await books.ledger.run(ReverseTopUp(waiting, ids.new_id()))
            if number == 3:
                await books.ledger.run(ReturnTopUp(waiting, ids.new_id()))
    await mismatches.record(
        db, provider="stripe", source_id="pi_unknown", reason="unknown_top_up", user_id=user_id,
        top_up_id=started.top_up_id, amount_minor=1, currency="USD",
    )  # fmt: skip
    await reconciling.request(db, "stripe")


async def _operated(books: Books, operator: Someone, other: Someone) -> None:
    """Two operators, one of whom was removed, and an action of the other."""
    for change, someone in (
        (operators.add, operator), (operators.add, other), (operators.remove, other),
    ):  # fmt: skip
        await change(books.database, someone.email, audit_key=b"")

    async def act(unit: Unit) -> None:
        barred = (Restriction.SENDING, Restriction.ADDING)
        await restrictions.restrict(unit, other.user_id, barred, None)
        record = actions.done(
            ActionKind.RESTRICT, operator_id=operator.user_id, account_id=other.user_id,
            action_id=ids.new_id(), reason="Reported by the bank.", created_at=await unit.clock(),
            restrictions=("SENDING", "ADDING"),
        )  # fmt: skip
        await log_rows.append(unit, b"", record)

    await unit_of_work.run(books.database, act)
