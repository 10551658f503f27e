"""The Python client requests, splits and schedules once whatever the network does, and saves statements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

import mini_wallet_client as client
from dev.processes import Child
from mini_wallet_client import AsyncWallet, MoneySent, Recipient, Wallet
from tests.app.conftest import BETA, Api
from tests.clients.conftest import BRISK
from tests.clients.proxy import DROPPED, LOST, Proxy
from tests.jobs.conftest import start_process  # noqa: F401 - a fixture
from tests.waiting import block_until

UPDATE = "mutation ($input: UpdateProfileInput!) { updateProfile(input: $input) { __typename } }"
HANDLE = "@beta.clients"


@pytest.fixture
def handle(beta: Wallet) -> Recipient:
    """User Beta, by handle."""
    changed = beta.execute(UPDATE, {"input": {"handle": HANDLE}})
    assert changed == {"updateProfile": {"__typename": "ProfileUpdated"}}
    return Recipient.handle(HANDLE)


def test_a_request_is_made_and_paid_once_though_answers_are_lost(
    wallet: Wallet, beta: Wallet, proxy: Proxy, handle: Recipient
) -> None:
    proxy.faults.append(LOST)
    made = wallet.request_money("2.50", handle, note="dinner", key="a-request-1")
    assert isinstance(made, client.MoneyRequested)
    request = made.payment_request
    assert (made.replayed, request.status, request.amount.amount) == (
        True,
        "PENDING",
        Decimal("2.50"),
    )
    assert request.payer == wallet.user_by_handle(HANDLE)
    told = next(beta.past_notifications())
    assert told.payment_request is not None
    assert (told.kind, told.payment_request.id) == ("REQUEST_RECEIVED", request.id)

    # Alpha requested it through the faulty network; Beta pays through it.
    with Wallet(proxy.url, session=beta.session, retries=BRISK) as payer:
        payer.add_balance(5)
        key = client.new_key()
        proxy.faults.append(LOST)
        with pytest.raises(client.OutcomeUnknown) as raised:
            payer.pay_request(request, key=key, give_up_after_seconds=0)
        assert (raised.value.kind, raised.value.key) == ("TRANSFER", key)
        proxy.faults.extend([DROPPED, LOST])
        paid = payer.pay_request(request, key=key)
        assert isinstance(paid, MoneySent)
        assert (paid.replayed, paid.transaction.amount) == (True, request.amount)
        # The keys are those of transfers.
        assert payer.transaction_by_key("TRANSFER", key) == paid.transaction
        reused = payer.send_money(made.payment_request.requester, 1, key=key)
        assert isinstance(reused, client.IdempotencyKeyReused)
        # However it is asked, with another key it is closed: also after a lost answer.
        proxy.faults.append(LOST)
        closed = payer.pay_request(request.id)
        assert isinstance(closed, client.RequestClosed)
        assert closed.payment_request.status is client.PaymentRequestStatus.PAID
    told = next(wallet.past_notifications())
    assert told.kind == "REQUEST_PAID"
    assert told.payment_request is not None
    assert told.payment_request.transaction == told.transaction


def test_requests_are_closed_and_listed_by_both_sides_and_found_by_link(
    wallet: Wallet, beta: Wallet, api: Api
) -> None:
    requests = []
    for amount, payer in ((1, Recipient.email(BETA)), (2, Recipient.email(BETA)), (3, None)):
        made = wallet.request_money(amount, payer)
        assert isinstance(made, client.MoneyRequested)
        requests.append(made.payment_request)
    declined = beta.decline_request(requests[0])
    assert isinstance(declined, client.PaymentRequestClosed)
    assert declined.payment_request.status == "DECLINED"
    assert isinstance(wallet.cancel_request(requests[0].id), client.RequestClosed)
    assert isinstance(wallet.cancel_request(requests[2]), client.PaymentRequestClosed)
    assert isinstance(beta.decline_request(requests[2]), client.NotFound)
    assert isinstance(wallet.remind_payer(requests[1]), client.PayerReminded)
    assert isinstance(wallet.remind_payer(requests[1]), client.RequestNotAllowed)
    blocked = beta.block_user(requests[0].requester)
    assert isinstance(blocked, client.BlockedUsersChanged)
    assert blocked.viewer.blocked_users == beta.blocked_users()
    assert isinstance(wallet.request_money(1, Recipient.email(BETA)), client.RequestNotAllowed)
    assert isinstance(beta.unblock_user(requests[0].requester.id), client.BlockedUsersChanged)
    assert beta.blocked_users() == ()

    listed = [one.id for one in wallet.payment_requests(page_size=2)]
    assert listed[:3] == [one.id for one in reversed(requests)]
    to_pay = client.PaymentRequestFilter(
        role=client.PaymentRequestRole.PAYER, status=client.PaymentRequestStatus.PENDING
    )
    assert [one.id for one in beta.payment_requests(to_pay)] == [requests[1].id]
    link = requests[2].link
    assert link is not None
    with Wallet(api.url) as stranger:
        found = stranger.payment_request(link)
        assert found is not None
        assert (found.amount, found.status, found.link) == (
            requests[2].amount,
            "CANCELLED",
            None,
        )
        assert stranger.payment_request("no-such-token") is None
        assert stranger.user_by_handle("nobody.at.all") is None


def test_a_bill_is_split_once_to_the_cent(
    wallet: Wallet, beta: Wallet, proxy: Proxy, handle: Recipient
) -> None:
    gamma = Recipient.email("user.gamma@demo.app")
    proxy.faults.append(LOST)
    split = wallet.split_bill(100, [handle, gamma], note="trip", key="a-split-1")
    assert isinstance(split, client.BillWasSplit)
    assert split.replayed
    shares = [request.amount.minor_units for request in split.split.requests]
    assert sorted([*shares, split.split.own_share.minor_units]) == [3333, 3333, 3334]
    beta.add_balance(50)
    assert isinstance(beta.pay_request(split.split.requests[0]), MoneySent)
    again = wallet.split_bill(100, [handle, gamma], note="trip", key="a-split-1")
    assert isinstance(again, client.BillWasSplit)
    assert (again.split.id, again.split.paid.minor_units) == (split.split.id, shares[0])
    uneven = wallet.split_bill(10, [handle], amounts=["2.50"])
    assert isinstance(uneven, client.BillWasSplit)
    assert uneven.split.own_share.amount == Decimal("7.50")
    # It moved no money, so there is no key to close.
    proxy.faults.append(LOST)
    with pytest.raises(client.OutcomeUnknown) as raised:
        wallet.split_bill(8, [handle], give_up_after_seconds=0)
    assert raised.value.kind is None
    assert "close_key" not in str(raised.value)


def test_a_schedule_is_made_run_and_told_of(
    api: Api,
    wallet: Wallet,
    proxy: Proxy,
    handle: Recipient,
    start_process: Callable[..., Child],  # noqa: F811
) -> None:
    # Where it is afternoon now: a run of today is due at once.
    hours = datetime.now(UTC).hour - 13
    zone = f"Etc/GMT{hours:+d}" if hours else "Etc/GMT"
    wallet.execute(UPDATE, {"input": {"timeZone": zone}})
    viewer = wallet.viewer()
    assert viewer is not None
    assert viewer.time_zone == zone
    today = (datetime.now(UTC) - timedelta(hours=hours)).date()
    start_process("relay", api.settings)
    start_process("worker", api.settings)
    every = client.Recurrence(unit=client.RecurrenceUnit.WEEK, interval=2)
    proxy.faults.append(LOST)
    made = wallet.schedule_transfer(
        handle, "0.25", today, every=every, ends_on=today + timedelta(days=60), key="a-schedule-1"
    )
    assert isinstance(made, client.TransferScheduled), made
    scheduled = made.scheduled_transfer
    assert (made.replayed, scheduled.recurrence, scheduled.starts_on) == (True, every, today)

    def is_told() -> bool:
        told = next(wallet.past_notifications(), None)
        return told is not None and told.kind == "SCHEDULED_TRANSFER_SENT"

    block_until(is_told)
    told = next(wallet.past_notifications())
    assert told.scheduled_transfer is not None
    assert told.scheduled_transfer.id == scheduled.id
    [run] = wallet.scheduled_runs(scheduled)
    assert (run.number, run.status, run.refusal) == (1, "SENT", None)
    assert run.transaction == told.transaction
    for change, status in (
        (wallet.pause_scheduled_transfer, "PAUSED"),
        (wallet.resume_scheduled_transfer, "ACTIVE"),
        (wallet.end_scheduled_transfer, "ENDED"),
    ):
        changed = change(scheduled)
        assert isinstance(changed, client.ScheduledTransferChanged)
        assert changed.scheduled_transfer.status == status
    ended = [one.id for one in wallet.scheduled_transfers(client.ScheduleStatus.ENDED)]
    assert ended == [scheduled.id]
    with pytest.raises(client.UnexpectedAnswer, match="this id"):
        list(wallet.scheduled_runs(scheduled.id[:-4] + "AAAA"))
    broke = wallet.schedule_transfer(handle, 10_000, today)
    assert isinstance(broke, client.TransferScheduled)
    block_until(lambda: any(run.refusal for run in wallet.scheduled_runs(broke.scheduled_transfer)))
    [refused] = wallet.scheduled_runs(broke.scheduled_transfer)
    assert refused.refusal is not None
    assert (refused.status, refused.refusal.typename) == ("WAITING", "InsufficientFunds")


def _names(folder: Path) -> list[str]:
    return [one.name for one in folder.iterdir()]


@pytest.mark.anyio
async def test_a_statement_is_saved_whole_or_not_at_all(
    open_wallet: Callable[..., AsyncWallet], wallet: Wallet, proxy: Proxy, api: Api, tmp_path: Path
) -> None:
    viewer = wallet.viewer()
    assert viewer is not None
    wallet.execute(UPDATE, {"input": {"timeZone": "UTC"}})
    first, last = date(2026, 1, 1), datetime.now(UTC).date()
    made = wallet.statement(first, last, client.StatementFormat.CSV)
    assert isinstance(made, client.Statement)
    assert made.download not in repr(made)
    assert (
        made.closing_balance.amount
        == made.opening_balance.amount
        + made.incoming.amount
        - made.outgoing.amount
        - made.fees.amount
    )
    assert isinstance(wallet.statement(last, first), client.InvalidInput)
    insights = wallet.insights(first, last)
    assert isinstance(insights, client.Insights)
    assert (insights.incoming, insights.closing_balance) == (made.incoming, made.closing_balance)
    assert sum(month.incoming.amount for month in insights.months) == made.incoming.amount

    # The service of the tests is not at its APP_URL.
    path = made.download.partition("/statements/")[2]
    statement = replace(made, download=f"{api.url}/statements/{path}")
    file = tmp_path / "statement.csv"
    wallet.download(statement, file)
    lines = file.read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == 1 + made.transaction_count
    async with open_wallet() as other:
        await other.download(statement, str(file))
        assert file.read_text(encoding="utf-8-sig").splitlines() == lines
        with pytest.raises(client.ApiError) as raised:
            await other.download(replace(statement, download=f"{api.url}/statements/x"), file)
    assert raised.value.code == "HTTP_404"
    assert file.read_text(encoding="utf-8-sig").splitlines() == lines
    assert _names(tmp_path) == [file.name]
