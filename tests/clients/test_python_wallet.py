"""The Python client moves money once whatever the network does, and reads what there is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count

import anyio
import anyio.to_thread
import httpx
import pytest

import mini_wallet_client as client
from mini_wallet_client import AsyncWallet, MoneySent, Recipient, Session, Wallet
from tests.app.conftest import ALPHA, BETA, PASSWORD, Api
from tests.clients.conftest import BRISK, signed_in
from tests.clients.proxy import DROPPED, LOST, SILENT, Answer, Proxy
from tests.waiting import block_until

TO_BETA = Recipient.email(BETA)
UNAVAILABLE = Answer.of_graphql(503, code="UNAVAILABLE")
LIMITED = Answer.of_graphql(429, code="RATE_LIMITED", retryAfterSeconds=0.01)
_numbers = count(1)


def _sent_with(wallet: Wallet, note: str) -> list[client.Transaction]:
    return list(wallet.transactions(client.TransactionFilter(text=note)))


def _new_note() -> str:
    return f"purpose-{next(_numbers):04}"


def test_money_is_sent_and_read_exactly(wallet: Wallet, beta: Wallet) -> None:
    note = _new_note()
    result = wallet.send_money(
        TO_BETA, Decimal("1.10"), note=note, metadata={"invoice": "7", "b": ""}
    )
    assert isinstance(result, MoneySent)
    sent = result.transaction
    assert (sent.amount.amount, sent.amount.currency, sent.amount.minor_units) == (
        Decimal("1.10"),
        "USD",
        110,
    )
    assert result.viewer.balance == sent.balance_after
    assert sent.created_at.tzinfo is not None
    assert [(entry.key, entry.value) for entry in sent.metadata] == [("invoice", "7"), ("b", "")]
    assert sent.counterparty is not None
    [received] = _sent_with(beta, note)
    assert received.reference == sent.reference
    assert received.direction is client.TransactionDirection.INCOMING
    assert wallet.transaction_by_reference(sent.reference) == sent
    assert wallet.transaction_by_reference("01994d4e-0000-7000-8000-000000000000") is None


def test_refusals_are_results(wallet: Wallet) -> None:
    match wallet.send_money(TO_BETA, 9000):
        case client.InsufficientFunds(balance=balance, shortfall=shortfall, message=message):
            assert balance.amount + shortfall.amount == 9000
            assert message
        case other:
            pytest.fail(f"{other}")
    assert isinstance(wallet.send_money(TO_BETA, "0.001"), client.InvalidAmount)
    assert isinstance(wallet.send_money(Recipient.email(ALPHA), 1), client.CannotPayYourself)
    assert isinstance(
        wallet.send_money(Recipient.email("nobody@demo.app"), 1), client.RecipientNotFound
    )
    invalid = wallet.send_money(TO_BETA, 1, key="short")
    assert isinstance(invalid, client.InvalidInput)
    assert invalid.fields[0].path == ("idempotencyKey",)
    late = wallet.send_money(TO_BETA, 1, not_after=datetime.now(UTC) - timedelta(minutes=1))
    assert isinstance(late, client.TooLate)
    with pytest.raises(TypeError, match="not exact"):
        wallet.send_money(TO_BETA, 1.5)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "faults",
    [
        [LOST],
        [DROPPED],
        [Answer(502), Answer(503), Answer(504)],
        [UNAVAILABLE],
        [LIMITED],
        [LOST, LIMITED, LOST],
    ],
)
def test_a_payment_whose_answer_is_lost_is_repeated_and_made_once(
    wallet: Wallet, proxy: Proxy, faults: list[str | Answer]
) -> None:
    note = _new_note()
    proxy.faults.extend(faults)
    result = wallet.send_money(TO_BETA, 1, note=note)
    assert isinstance(result, MoneySent)
    assert result.replayed == (LOST in faults)
    assert _sent_with(wallet, note) == [result.transaction]


def test_a_service_that_does_not_answer_in_time_is_asked_again(
    proxy: Proxy, wallet: Wallet
) -> None:
    with Wallet(proxy.url, session=wallet.session, retries=BRISK, timeout_seconds=0.3) as hasty:
        proxy.faults.append(SILENT)
        assert isinstance(hasty.add_balance(1), client.BalanceAdded)


def test_giving_up_tells_the_key_which_then_tells_the_outcome(wallet: Wallet, proxy: Proxy) -> None:
    for fault, was_sent in ((LOST, True), (DROPPED, False)):
        note, key = _new_note(), client.new_key()
        proxy.faults.append(fault)
        with pytest.raises(client.OutcomeUnknown, match="close_key") as raised:
            wallet.send_money(TO_BETA, 1, note=note, key=key, give_up_after_seconds=0)
        assert (raised.value.kind, raised.value.key) == ("TRANSFER", key)
        settled = wallet.close_key(raised.value.kind, raised.value.key)
        assert isinstance(settled, client.IdempotencyKeySettled)
        assert (settled.transaction is not None) == was_sent
        assert wallet.transaction_by_key("TRANSFER", key) == settled.transaction
        again = wallet.send_money(TO_BETA, 1, note=note, key=key)
        assert isinstance(again, MoneySent if was_sent else client.IdempotencyKeyClosed)


def test_a_key_is_made_before_the_first_attempt_or_by_the_caller(wallet: Wallet) -> None:
    key, note = client.new_key(), _new_note()
    first = wallet.send_money(TO_BETA, 1, key=key, note=note)
    again = wallet.send_money(TO_BETA, "1.00", key=key, note=note)
    assert isinstance(first, MoneySent)
    assert isinstance(again, MoneySent)
    assert (again.replayed, again.transaction) == (True, first.transaction)
    assert isinstance(wallet.send_money(TO_BETA, 2, key=key), client.IdempotencyKeyReused)


def test_a_refusal_after_a_lost_answer_leaves_the_outcome_unknown(
    wallet: Wallet, proxy: Proxy
) -> None:
    forbidden = Answer.of_graphql(403, code="FORBIDDEN")
    proxy.faults.extend([LOST, forbidden])
    with pytest.raises(client.OutcomeUnknown):
        wallet.send_money(TO_BETA, 1)
    proxy.faults.append(forbidden)
    with pytest.raises(client.Forbidden):
        wallet.send_money(TO_BETA, 1)
    proxy.faults.append(Answer.of_graphql(500, code="INTERNAL", reference="4711"))
    with pytest.raises(client.OutcomeUnknown):
        wallet.send_money(TO_BETA, 1)
    proxy.faults.append(Answer(200, '{"data": {"sendMoney": 7}}'))
    with pytest.raises(client.OutcomeUnknown):
        wallet.send_money(TO_BETA, 1)


def test_a_refusal_does_not_speak_for_an_attempt_that_may_still_arrive(
    wallet: Wallet, proxy: Proxy
) -> None:
    proxy.faults.append(LOST)
    with pytest.raises(client.OutcomeUnknown, match="may still arrive") as raised:
        wallet.send_money(TO_BETA, 9000)
    assert wallet.close_key("TRANSFER", raised.value.key) == client.IdempotencyKeySettled(
        transaction=None
    )
    # These attempts were answered, and these refusals hold for each of them.
    proxy.faults.extend([UNAVAILABLE, LIMITED])
    assert isinstance(wallet.send_money(TO_BETA, 9000), client.InsufficientFunds)
    proxy.faults.append(LOST)
    assert isinstance(wallet.send_money(TO_BETA, "0.001"), client.InvalidAmount)
    proxy.faults.append(LOST)
    late = datetime.now(UTC) - timedelta(minutes=1)
    assert isinstance(wallet.send_money(TO_BETA, 1, not_after=late), client.TooLate)


def test_a_request_that_was_not_sent_is_not_ambiguous(wallet: Wallet, proxy: Proxy) -> None:
    waiting = iter([1])

    class Reconnecting(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if next(waiting, None):
                raise httpx.ConnectError("refused")
            return super().handle_request(request)

    http = httpx.Client(transport=Reconnecting())
    with Wallet(proxy.url, session=wallet.session, retries=BRISK, http=http) as other:
        assert isinstance(other.send_money(TO_BETA, 9000), client.InsufficientFunds)


def test_a_payment_that_was_only_limited_was_not_sent(wallet: Wallet, proxy: Proxy) -> None:
    limited = Answer.of_graphql(429, code="RATE_LIMITED", retryAfterSeconds=3600)
    proxy.faults.append(limited)
    with pytest.raises(client.RateLimited):
        wallet.send_money(TO_BETA, 1)
    proxy.faults.extend([LOST, limited])
    with pytest.raises(client.OutcomeUnknown):
        wallet.send_money(TO_BETA, 1)


@pytest.mark.parametrize("fault", [DROPPED, Answer.of_graphql(401, code="UNAUTHENTICATED")])
def test_a_payment_is_not_repeated_as_the_user_who_signed_in_meanwhile(
    wallet: Wallet, proxy: Proxy, beta: Wallet, fault: str | Answer
) -> None:
    def sign_in_beta() -> str | Answer:
        proxy.on_request = lambda: None
        assert isinstance(wallet.login(BETA, PASSWORD), client.SignedIn)
        return fault

    beta.add_balance(1)
    note = _new_note()
    proxy.on_request = sign_in_beta
    was_lost = fault == DROPPED
    with pytest.raises(client.OutcomeUnknown if was_lost else client.Unauthenticated):
        wallet.send_money(Recipient.email("user.gamma@demo.app"), 1, note=note)
    assert _sent_with(beta, note) == []


def test_an_operation_that_would_take_effect_twice_is_not_repeated(
    wallet: Wallet, proxy: Proxy
) -> None:
    proxy.faults.append(LOST)
    with pytest.raises(client.ConnectionFailed):
        wallet.create_api_token("A program", [client.Scope.READ_PROFILE])


def test_another_address_is_reported(proxy: Proxy, wallet: Wallet) -> None:
    proxy.faults.append(Answer(404))
    with pytest.raises(client.UnexpectedAnswer, match="404"):
        wallet.viewer()


# ================================================================ credentials


def _expired(api: Api, session: Session | None) -> Session:
    """The session with an access token that expired a moment ago."""
    assert session is not None
    return Session(api.expired(session.access_token), session.refresh_token)


def test_an_expired_access_token_is_refreshed_once_for_all_threads(
    api: Api, proxy: Proxy, wallet: Wallet
) -> None:
    kept: list[Session | None] = []
    expired = _expired(api, wallet.session)
    with Wallet(proxy.url, session=expired, on_session=kept.append, retries=BRISK) as many:
        proxy.operations.clear()
        found: list[object] = []
        threads = [threading.Thread(target=lambda: found.append(many.viewer())) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 8
        assert all(found)
        assert proxy.operations.count("mutation RefreshSession") == 1
        assert kept == [many.session]
        assert many.session not in (expired, wallet.session)


def test_a_session_that_has_ended_fails_in_all_threads(api: Api, proxy: Proxy) -> None:
    with signed_in(proxy.url, ALPHA) as wallet:
        ended = _expired(api, wallet.session)
        wallet.logout()
    together = threading.Barrier(4)
    with Wallet(proxy.url, session=ended, retries=BRISK) as many:
        failures: list[Exception] = []

        def read() -> None:
            with pytest.raises(client.Unauthenticated) as raised:
                many.viewer()
            failures.append(raised.value)

        def wait_for_the_others() -> None:
            if proxy.operations[-1] == "query Viewer" and not together.broken:
                together.wait(30)

        proxy.on_request = wait_for_the_others
        threads = [threading.Thread(target=read) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(failures) == 4
        assert many.session is None


def test_a_lost_answer_to_a_refresh_is_asked_for_again(
    api: Api, proxy: Proxy, wallet: Wallet
) -> None:
    with Wallet(proxy.url, session=_expired(api, wallet.session), retries=BRISK) as other:
        proxy.faults.extend([Answer.of_graphql(401, code="UNAUTHENTICATED"), LOST])
        assert other.viewer() is not None


def test_a_session_that_has_ended_has_to_be_begun_again(api: Api, proxy: Proxy) -> None:
    kept: list[Session | None] = []
    with signed_in(proxy.url, ALPHA, on_session=kept.append) as wallet:
        copy = _expired(api, wallet.session)
        assert isinstance(wallet.logout(), client.SignedOut)
        assert kept[-1] is None
        with Wallet(proxy.url, session=copy, on_session=kept.append) as other:
            with pytest.raises(client.Unauthenticated):
                other.viewer()
            assert other.session is None
            assert other.viewer() is None
            with pytest.raises(client.Unauthenticated, match="sign in"):
                other.contacts()
    assert isinstance(Wallet(proxy.url).login(ALPHA, "no password"), client.InvalidCredentials)


def test_a_token_with_the_scope_to_send_needs_no_other(wallet: Wallet, api: Api) -> None:
    assert isinstance(wallet.confirm_session(PASSWORD), client.SessionConfirmed)
    created = wallet.create_api_token("Payroll", [client.Scope.SEND_MONEY], daily_limit="5.00")
    assert isinstance(created, client.ApiTokenCreated)
    with Wallet(api.url, token=created.secret) as program:
        result = program.send_money(TO_BETA, "4.50")
        assert isinstance(result, MoneySent)
        credential = program.credential()
        assert credential is not None
        assert credential.api_token is not None
        assert credential.scopes == (client.Scope.SEND_MONEY,)
        assert credential.api_token.daily_remaining == client.Money(Decimal("0.50"), "USD")
        assert isinstance(program.send_money(TO_BETA, 1), client.TokenLimitExceeded)
        assert isinstance(program.preview_transfer(1), client.TransferPreview)
        settled = program.close_key("TRANSFER", client.new_key())
        assert settled == client.IdempotencyKeySettled(transaction=None)
        with pytest.raises(client.Forbidden):
            program.viewer()
        revoked = wallet.revoke_api_token(created.api_token.id)
        assert isinstance(revoked, client.ApiTokenRevoked)
        with pytest.raises(client.Unauthenticated):
            program.send_money(TO_BETA, "0.10")


# ================================================================ reading


def test_pages_are_followed_to_the_end(wallet: Wallet) -> None:
    note = _new_note()
    for number in range(5):
        assert isinstance(wallet.send_money(TO_BETA, "0.10", note=f"{note} {number}"), MoneySent)
    matching = client.TransactionFilter(text=note, kind=client.TransactionKind.TRANSFER)
    found = list(wallet.transactions(matching, page_size=2))
    assert [one.note for one in found] == [f"{note} {number}" for number in (4, 3, 2, 1, 0)]
    assert {user.name for user in wallet.search_users("user", page_size=1)} == {
        "User Beta",
        "User Gamma",
    }
    assert "User Beta" in {user.name for user in wallet.contacts()}
    assert wallet.settings().currency == "USD"
    viewer = wallet.viewer()
    assert viewer is not None
    assert viewer.email == ALPHA
    assert wallet.execute("query ($n: Int) { viewer { contacts(first: $n) { id } } }", {"n": 1})[
        "viewer"
    ]


@pytest.mark.anyio
async def test_the_asynchronous_client_does_the_same(
    open_wallet: Callable[..., AsyncWallet], wallet: Wallet, proxy: Proxy
) -> None:
    note = _new_note()
    async with open_wallet(session=wallet.session) as other:
        proxy.faults.extend([LOST, Answer(502)])
        result = await other.send_money(TO_BETA, "1.25", note=note)
        assert isinstance(result, MoneySent)
        assert result.replayed
        found = [one async for one in other.transactions(client.TransactionFilter(text=note))]
        assert found == [result.transaction]
        assert await other.close_key("TRANSFER", "some key 1") == client.IdempotencyKeySettled(
            transaction=None
        )


@pytest.mark.anyio
async def test_a_cancelled_call_can_be_repeated_with_its_key(
    api: Api, open_wallet: Callable[..., AsyncWallet], wallet: Wallet, proxy: Proxy
) -> None:
    key, note = client.new_key(), _new_note()
    expired = Answer.of_graphql(401, code="UNAUTHENTICATED")
    async with open_wallet(session=wallet.session) as other:
        # Cancelled while it waits for the answer, and while it refreshes the session.
        for faults, last in (([SILENT], "SendMoney"), ([expired, SILENT], "RefreshSession")):
            proxy.operations.clear()
            proxy.faults.extend(faults)
            async with anyio.create_task_group() as group:

                async def pay() -> None:
                    await other.send_money(TO_BETA, 1, key=key, note=note)

                group.start_soon(pay)
                reached = f"mutation {last}"
                await anyio.to_thread.run_sync(
                    block_until, lambda reached=reached: reached in proxy.operations
                )
                group.cancel_scope.cancel()
        result = await other.send_money(TO_BETA, 1, key=key, note=note)
        assert isinstance(result, MoneySent)
        assert _sent_with(wallet, note) == [result.transaction]


# ================================================================ webhooks


def test_webhooks_are_managed_and_their_requests_verified(wallet: Wallet, beta: Wallet) -> None:
    wallet.confirm_session(PASSWORD)
    refused = wallet.create_webhook("https://10.0.0.1/webhook")
    assert isinstance(refused, client.InvalidWebhook)
    assert refused.fields[0].path == ("url",)
    created = wallet.create_webhook("http://127.0.0.1:7/webhook")
    assert isinstance(created, client.WebhookCreated)
    assert created.secret not in repr(created)
    webhook_id = created.webhook.id
    assert [one.id for one in wallet.webhooks()] == [webhook_id]
    sent = wallet.send_money(TO_BETA, "1.20", note="webhook")
    assert isinstance(sent, MoneySent)

    tested = wallet.test_webhook(webhook_id)
    assert isinstance(tested, client.WebhookTested)
    event = client.verify_webhook(tested.body.encode(), tested.headers, created.secret)
    posted = event.wallet_event()
    assert (event.type, event.number) == ("wallet.event", sent.transaction.sequence)
    assert event.epoch == wallet.epoch()
    assert isinstance(posted, client.TransactionPosted)
    assert posted.transaction == sent.transaction
    with pytest.raises(client.UnexpectedAnswer):
        event.notification()

    rotated = wallet.rotate_webhook_secret(webhook_id)
    assert isinstance(rotated, client.WebhookSecretRotated)
    again = wallet.test_webhook(webhook_id)
    assert isinstance(again, client.WebhookTested)
    for secret in (created.secret, rotated.secret):
        assert client.verify_webhook(again.body.encode(), again.headers, secret) == event

    paused = wallet.update_webhook(webhook_id, status=client.WebhookStatus.PAUSED)
    assert isinstance(paused, client.WebhookUpdated)
    assert paused.webhook.status is client.WebhookStatus.PAUSED
    replayed = wallet.replay_webhook(webhook_id, 0)
    assert isinstance(replayed, client.WebhookUpdated)
    assert (replayed.webhook.delivered_through, replayed.webhook.status) == (0, "ACTIVE")
    assert isinstance(wallet.delete_webhook(webhook_id), client.WebhookDeleted)
    assert isinstance(wallet.delete_webhook(webhook_id), client.NotFound)


def test_a_webhook_of_notifications_is_read_whole(wallet: Wallet, beta: Wallet) -> None:
    wallet.confirm_session(PASSWORD)
    stream = client.WebhookStream.NOTIFICATIONS
    created = wallet.create_webhook("http://127.0.0.1:7/webhook", stream)
    assert isinstance(created, client.WebhookCreated)
    beta.add_balance(1)
    assert isinstance(beta.send_money(Recipient.email(ALPHA), 1), MoneySent)
    tested = wallet.test_webhook(created.webhook.id)
    assert isinstance(tested, client.WebhookTested)
    event = client.verify_webhook(tested.body.encode(), tested.headers, created.secret)
    assert event.notification() == next(wallet.past_notifications())
    wallet.delete_webhook(created.webhook.id)


def test_tokens_are_not_shown(wallet: Wallet) -> None:
    assert wallet.session is not None
    for secret in (wallet.session.access_token, wallet.session.refresh_token):
        assert secret not in repr(wallet.session)
