"""The TypeScript client, as the package that npm packs, moves money once and resumes its events."""

from __future__ import annotations

import asyncio
import json
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import jwt
import pytest
from playwright.sync_api import sync_playwright
from standardwebhooks import Webhook

from app.commands import epoch
from dev import browser as chromium
from dev import node, processes
from tests.app.conftest import ALPHA, BETA, PASSWORD, Api, add_people
from tests.clients.driver import TYPESCRIPT_CLIENT, Driver, Refused
from tests.clients.proxy import DROPPED, LOST, SILENT, Answer, Proxy
from tests.clients.second_factors import new_owner

TO_BETA = {"email": BETA}
BRISK = {"firstPauseSeconds": 0.01, "longestPauseSeconds": 0.05, "giveUpAfterSeconds": 10}
LIMITED = Answer.of_graphql(429, code="RATE_LIMITED", retryAfterSeconds=0.01)
_numbers = count(1)


def _new_note() -> str:
    return f"typescript-{next(_numbers):04}"


@pytest.fixture
def open_driver(package: Path, proxy: Proxy) -> Iterator[Callable[..., Driver]]:
    started: list[Driver] = []

    def start(**options: Any) -> Driver:
        started.append(Driver(package))
        started[-1].call("open", proxy.url, {"retries": BRISK, **options})
        return started[-1]

    yield start
    for one in started:
        one.end()


@pytest.fixture
def alpha(open_driver: Callable[..., Driver]) -> Driver:
    """User Alpha, signed in, with balance."""
    driver = open_driver()
    assert driver.call("login", ALPHA, PASSWORD)["__typename"] == "SignedIn"
    assert driver.call("addBalance", 10)["__typename"] == "BalanceAdded"
    return driver


def _transactions(driver: Driver, note: str) -> list[Any]:
    found: list[Any] = driver.call("all", "transactions", {"text": note})
    return found


def test_money_is_sent_once_whatever_the_network_does(alpha: Driver, proxy: Proxy) -> None:
    for faults in ([], [LOST], [DROPPED], [Answer(502), Answer(503), Answer(504)], [LIMITED, LOST]):
        note = _new_note()
        proxy.faults.extend(faults)
        sent = alpha.call(
            "sendMoney", TO_BETA, "1.10", {"note": note, "metadata": {"invoice": note}}
        )
        assert sent["__typename"] == "MoneySent", sent
        assert sent["replayed"] == (LOST in faults)
        assert sent["transaction"]["amount"] == {"amount": "1.10", "currency": "USD"}
        assert sent["transaction"]["metadata"] == [{"key": "invoice", "value": note}]
        assert _transactions(alpha, note) == [sent["transaction"]]


def test_a_service_that_does_not_answer_in_time_is_asked_again(
    alpha: Driver, open_driver: Callable[..., Driver], proxy: Proxy
) -> None:
    hasty = open_driver(session=alpha.sessions[-1], timeoutSeconds=0.3)
    proxy.faults.append(SILENT)
    assert hasty.call("addBalance", "1")["__typename"] == "BalanceAdded"


def test_refusals_are_results(alpha: Driver, proxy: Proxy) -> None:
    short = alpha.call("sendMoney", TO_BETA, 9000)
    assert (short["__typename"], short["shortfall"]["currency"]) == ("InsufficientFunds", "USD")
    late = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    assert alpha.call("sendMoney", TO_BETA, 1, {"notAfter": late})["__typename"] == "TooLate"
    newer = {"data": {"sendMoney": {"__typename": "AccountFrozen", "message": "It is frozen."}}}
    proxy.faults.append(Answer(200, json.dumps(newer)))
    frozen = alpha.call("sendMoney", TO_BETA, 1)
    assert frozen == {
        "__typename": "UserError",
        "typename": "AccountFrozen",
        "message": "It is frozen.",
    }
    for amount in (1.5, "1e5", "1,000", ""):
        with pytest.raises(Refused) as refused:
            alpha.call("sendMoney", TO_BETA, amount)
        assert refused.value.error["name"] == "TypeError"


def test_a_confirmed_payment_whose_answer_is_lost_is_made_once(
    api: Api, proxy: Proxy, open_driver: Callable[..., Driver]
) -> None:
    owner = new_owner(api, proxy.url, "Confirming Typescript")
    session = owner.wallet.session
    assert session is not None
    owner.wallet.close()
    tokens = {"accessToken": session.access_token, "refreshToken": session.refresh_token}
    driver = open_driver(session=tokens)
    key = _new_note()
    required = driver.call("sendMoney", TO_BETA, 1, {"key": key})
    assert required["__typename"] == "ConfirmationRequired", required
    confirmation = {
        "challenge": required["challenge"],
        "secondFactor": {"recoveryCode": owner.recovery_codes[0]},
    }
    proxy.faults.append(LOST)
    sent = driver.call("sendMoney", TO_BETA, 1, {"key": key, "confirmation": confirmation})
    assert (sent["__typename"], sent["replayed"]) == ("MoneySent", True)
    later = {"key": _new_note(), "confirmation": confirmation}
    tomorrow = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}"
    scheduled = driver.call("scheduleTransfer", TO_BETA, 1, tomorrow, later)
    assert scheduled["__typename"] == "TransferScheduled"


def test_giving_up_tells_the_key_which_then_tells_the_outcome(alpha: Driver, proxy: Proxy) -> None:
    for fault, was_sent in ((LOST, True), (DROPPED, False)):
        key = f"key-{_new_note()}"
        proxy.faults.append(fault)
        with pytest.raises(Refused) as refused:
            alpha.call("sendMoney", TO_BETA, 1, {"key": key, "giveUpAfterSeconds": 0})
        error = refused.value.error
        assert (error["name"], error["kind"], error["key"]) == ("OutcomeUnknown", "TRANSFER", key)
        settled = alpha.call("closeKey", "TRANSFER", key)
        assert settled["__typename"] == "IdempotencyKeySettled"
        assert (settled["transaction"] is not None) == was_sent
        assert alpha.call("transactionByKey", "TRANSFER", key) == settled["transaction"]
        again = alpha.call("sendMoney", TO_BETA, 1, {"key": key})
        assert again["__typename"] == ("MoneySent" if was_sent else "IdempotencyKeyClosed")
    proxy.faults.extend([LOST, Answer.of_graphql(403, code="FORBIDDEN")])
    with pytest.raises(Refused, match="OutcomeUnknown"):
        alpha.call("sendMoney", TO_BETA, 1)
    proxy.faults.append(LOST)
    with pytest.raises(Refused, match="may still arrive"):
        alpha.call("sendMoney", TO_BETA, 9000)
    proxy.faults.extend([LIMITED, Answer.of_graphql(503, code="UNAVAILABLE")])
    assert alpha.call("sendMoney", TO_BETA, 9000)["__typename"] == "InsufficientFunds"
    proxy.faults.append(LOST)
    assert alpha.call("sendMoney", TO_BETA, "0.001")["__typename"] == "InvalidAmount"
    proxy.faults.append(Answer(404))
    with pytest.raises(Refused, match="UnexpectedAnswer"):
        alpha.call("viewer")
    proxy.faults.append(LOST)
    with pytest.raises(Refused, match="ConnectionFailed"):
        alpha.call("createApiToken", "A program", ["READ_PROFILE"])


def test_a_payment_that_was_only_limited_was_not_sent(alpha: Driver, proxy: Proxy) -> None:
    limited = Answer.of_graphql(429, code="RATE_LIMITED", retryAfterSeconds=3600)
    for faults, error in (([limited], "RateLimited"), ([LOST, limited], "OutcomeUnknown")):
        proxy.faults.extend(faults)
        with pytest.raises(Refused) as refused:
            alpha.call("sendMoney", TO_BETA, 1)
        assert refused.value.error["name"] == error


def test_nothing_is_repeated_as_the_user_who_signed_in_meanwhile(
    alpha: Driver, proxy: Proxy
) -> None:
    expired = Answer.of_graphql(401, code="UNAUTHENTICATED")
    for fault, error in ((DROPPED, "OutcomeUnknown"), (expired, "Unauthenticated")):

        def sign_in_beta(fault: str | Answer = fault) -> str | Answer:
            proxy.on_request = lambda: None
            alpha.call("login", BETA, PASSWORD)
            return fault

        proxy.on_request = sign_in_beta
        note = _new_note()
        with pytest.raises(Refused) as refused:
            alpha.call("sendMoney", {"email": "user.gamma@demo.app"}, 1, {"note": note})
        assert refused.value.error["name"] == error
        assert _transactions(alpha, note) == []
        alpha.call("login", ALPHA, PASSWORD)


def test_pages_are_followed_to_the_end(alpha: Driver) -> None:
    note = _new_note()
    for number in range(3):
        alpha.call("sendMoney", TO_BETA, "0.10", {"note": f"{note} {number}"})
    found = alpha.call("all", "transactions", {"text": note}, {"pageSize": 2})
    assert [one["note"] for one in found] == [f"{note} {number}" for number in (2, 1, 0)]
    users = alpha.call("all", "searchUsers", "user", {"pageSize": 1})
    assert {user["name"] for user in users} == {"User Beta", "User Gamma"}
    assert "User Beta" in {user["name"] for user in alpha.call("contacts")}
    assert alpha.call("viewer")["email"] == ALPHA
    assert alpha.call("settings")["currency"] == "USD"
    assert alpha.call("execute", "{ wallet { currency } }") == {"wallet": {"currency": "USD"}}
    paid = alpha.call("sendMoney", users[0], 1)
    assert paid["transaction"]["counterparty"]["id"] == users[0]["id"]


# ================================================================ requests and schedules


def test_requests_splits_and_schedules_are_made_once_whatever_the_network_does(
    alpha: Driver, open_driver: Callable[..., Driver], proxy: Proxy
) -> None:
    beta = open_driver()
    beta.call("login", BETA, PASSWORD)
    beta.call("addBalance", 50)
    update = (
        "mutation ($input: UpdateProfileInput!) { updateProfile(input: $input) { __typename } }"
    )
    beta.call("execute", update, {"input": {"handle": "beta.typescript"}})
    to_beta = {"handle": "@beta.typescript"}
    proxy.faults.append(LOST)
    made = alpha.call("requestMoney", "2.50", to_beta, {"note": "dinner"})
    assert (made["__typename"], made["replayed"]) == ("MoneyRequested", True)
    request = made["paymentRequest"]
    assert request["payer"]["id"] == beta.call("userByHandle", "beta.typescript")["id"]
    told = beta.call("all", "pastNotifications")[0]
    assert (told["kind"], told["paymentRequest"]["id"]) == ("REQUEST_RECEIVED", request["id"])
    key = f"key-{_new_note()}"
    proxy.faults.append(LOST)
    with pytest.raises(Refused) as refused:
        beta.call("payRequest", request, {"key": key, "giveUpAfterSeconds": 0})
    assert (refused.value.error["kind"], refused.value.error["key"]) == ("TRANSFER", key)
    paid = beta.call("payRequest", request["id"], {"key": key})
    assert (paid["__typename"], paid["replayed"]) == ("MoneySent", True)
    assert beta.call("closeKey", "TRANSFER", key)["transaction"] == paid["transaction"]
    proxy.faults.append(LOST)
    assert beta.call("declineRequest", request)["__typename"] == "RequestClosed"

    proxy.faults.append(LOST)
    split = alpha.call("splitBill", 10, [to_beta, {"email": "user.gamma@demo.app"}])
    assert (split["__typename"], split["replayed"]) == ("BillWasSplit", True)
    shares = [each["amount"]["amount"] for each in split["split"]["requests"]]
    assert sorted([*shares, split["split"]["ownShare"]["amount"]]) == ["3.33", "3.33", "3.34"]
    pending = {"role": "REQUESTER", "status": "PENDING"}
    own = {each["id"] for each in split["split"]["requests"]}
    found = alpha.call("all", "paymentRequests", pending, {"pageSize": 1})
    # Other tests request money as the same user.
    listed = [each for each in found if each["id"] in own]
    assert {each["id"] for each in listed} == own
    assert alpha.call("remindPayer", listed[0])["__typename"] == "PayerReminded"
    assert alpha.call("cancelRequest", listed[0])["__typename"] == "PaymentRequestClosed"
    assert beta.call("blockUser", request["requester"])["__typename"] == "BlockedUsersChanged"
    blocked = [each["id"] for each in beta.call("blockedUsers")]
    assert blocked == [request["requester"]["id"]]
    assert beta.call("unblockUser", blocked[0])["viewer"] == {"blockedUsers": []}
    assert open_driver().call("paymentRequest", listed[0]["link"])["status"] == "CANCELLED"

    later = str((datetime.now(UTC) + timedelta(days=2)).date())
    proxy.faults.append(LOST)
    twice = {"every": {"unit": "WEEK", "interval": 2}}
    scheduled = alpha.call("scheduleTransfer", to_beta, "0.25", later, twice)
    assert (scheduled["__typename"], scheduled["replayed"]) == ("TransferScheduled", True)
    monthly = alpha.call("scheduleTransfer", to_beta, "0.25", later, {"every": "MONTH"})
    schedule = scheduled["scheduledTransfer"]
    assert schedule["recurrence"] == twice["every"]
    # Newest first; other tests may have scheduled transfers as the same user before.
    newest_first = [each["id"] for each in alpha.call("all", "scheduledTransfers")]
    assert newest_first[:2] == [monthly["scheduledTransfer"]["id"], schedule["id"]]
    for change, status in (("pause", "PAUSED"), ("resume", "ACTIVE"), ("end", "ENDED")):
        changed = alpha.call(f"{change}ScheduledTransfer", schedule["id"])
        assert changed["scheduledTransfer"]["status"] == status
    assert alpha.call("all", "scheduledRuns", schedule) == []
    with pytest.raises(Refused, match="this id"):
        alpha.call("all", "scheduledRuns", schedule["id"][:-4] + "AAAA")


def test_a_statement_is_downloaded(alpha: Driver, api: Api, tmp_path: Path) -> None:
    today = str(datetime.now(UTC).date())
    statement = alpha.call("statement", "2026-01-01", today, "CSV")
    assert statement["__typename"] == "Statement"
    assert alpha.call("statement", today, "2026-01-01")["__typename"] == "InvalidInput"
    insights = alpha.call("insights", "2026-01-01", today)
    assert insights["closingBalance"] == statement["closingBalance"]
    # The service of the tests is not at its APP_URL.
    path = statement["download"].partition("/statements/")[2]
    file = tmp_path / "statement.csv"
    alpha.call("save", {"download": f"{api.url}/statements/{path}"}, str(file))
    lines = file.read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == 1 + statement["transactionCount"]
    with pytest.raises(Refused) as refused:
        alpha.call("save", {"download": f"{api.url}/statements/x"}, str(file))
    assert (refused.value.error["name"], refused.value.error["code"]) == ("ApiError", "HTTP_404")


# ================================================================ credentials


def _with_expiry(api: Api, session: dict[str, str], seconds: int) -> dict[str, str]:
    """The session with an access token that expires so many seconds from now."""
    claims = jwt.decode(session["accessToken"], options={"verify_signature": False})
    secret = api.settings.jwt_secrets[0]
    soon = {**claims, "exp": int(time.time()) + seconds}
    return {**session, "accessToken": jwt.encode(soon, secret, "HS256", {"typ": "at+jwt"})}


def test_an_expired_access_token_is_refreshed_once_for_all_requests(
    api: Api, alpha: Driver, open_driver: Callable[..., Driver], proxy: Proxy
) -> None:
    driver = open_driver(session=_with_expiry(api, alpha.sessions[-1], -1))
    proxy.operations.clear()
    assert all(driver.call("together", 8, "viewer"))
    assert proxy.operations.count("mutation RefreshSession") == 1
    assert len(driver.sessions) == 1
    assert driver.call("logout")["__typename"] == "SignedOut"
    assert driver.sessions[-1] is None
    assert driver.call("viewer") is None
    with pytest.raises(Refused, match="sign in"):
        driver.call("contacts")
    ended = open_driver(session=_with_expiry(api, alpha.sessions[-1], -1))
    with pytest.raises(Refused, match="Unauthenticated"):
        ended.call("viewer")


# ================================================================ listening


@pytest.fixture(params=["websocket", "sse"])
def streams(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def listener(
    api: Api, alpha: Driver, open_driver: Callable[..., Driver], streams: str
) -> Callable[..., Driver]:
    """Listen to Alpha's events."""

    def start(after: int | None, **options: Any) -> Driver:
        given = {"session": alpha.sessions[-1], "streams": streams, **options}
        driver = open_driver(**given)
        driver.call("events", {} if after is None else {"after": after})
        return driver

    return start


def test_events_survive_what_a_network_does(
    api: Api, proxy: Proxy, alpha: Driver, listener: Callable[..., Driver], streams: str
) -> None:
    start = alpha.call("viewer")["sequence"]
    direct = alpha.sessions[-1]["accessToken"]
    api._keys += 1000
    api.add_balance(direct)
    driver = listener(start, silenceSeconds=0.5)
    first = driver.next_event()
    assert (first["__typename"], first["sequence"]) == ("TransactionPosted", start + 1)
    for number in range(2, 6):
        if number % 2:
            proxy.cut()
        else:
            # What is sent now is lost, without an end of the connection.
            proxy.freeze()
        if streams == "sse":
            proxy.faults.extend([Answer(502), Answer.of_graphql(429, code="RATE_LIMITED")])
        api.add_balance(direct)
        assert driver.next_event()["sequence"] == start + number
    later = listener(start + 4)
    assert later.next_event()["sequence"] == start + 5
    later.call("stop")
    assert later.next_event() == "stopped"


def test_notifications_resume_by_their_own_number(
    open_driver: Callable[..., Driver], alpha: Driver, proxy: Proxy, streams: str
) -> None:
    [*past] = alpha.call("all", "pastNotifications", {"pageSize": 1})
    start = past[0]["number"] if past else 0
    driver = open_driver(session=alpha.sessions[-1], streams=streams)
    driver.call("notifications", {"after": start})
    other = open_driver()
    other.call("login", BETA, PASSWORD)
    other.call("addBalance", 1)
    for number in (1, 2):
        sent = other.call("sendMoney", {"email": ALPHA}, "0.10")
        told = driver.next_event()
        assert (told["number"], told["kind"]) == (start + number, "MONEY_RECEIVED")
        assert told["transaction"]["reference"] == sent["transaction"]["reference"]
        proxy.cut()
    marked = alpha.call("markNotificationsRead", start + 1)
    assert marked["viewer"] == {"unreadNotifications": 1}


def test_events_survive_a_restart_of_the_service_and_expiring_tokens(
    start_api: Callable[..., Api],
    api: Api,
    proxy: Proxy,
    alpha: Driver,
    listener: Callable[..., Driver],
) -> None:
    start = alpha.call("viewer")["sequence"]
    direct = alpha.sessions[-1]["accessToken"]
    api._keys += 1000
    first = start_api(database_url=api.settings.database_url)
    proxy.target = first.url
    for lifetime in (-1, 2):
        session = _with_expiry(api, alpha.sessions[-1], lifetime)
        driver = listener(start, session=session)
        while not driver.sessions:
            time.sleep(0.05)
        alpha.sessions.append(driver.sessions[-1])
    api.add_balance(direct)
    assert driver.next_event()["sequence"] == start + 1
    first.stop()
    api.add_balance(direct)
    proxy.target = api.url
    assert driver.next_event()["sequence"] == start + 2


def test_a_credential_that_has_ended_ends_the_events(
    alpha: Driver, open_driver: Callable[..., Driver], streams: str
) -> None:
    driver = open_driver(streams=streams)
    driver.call("login", ALPHA, PASSWORD)
    driver.call("events", {"after": 0})
    assert driver.next_event()["sequence"] == 1
    driver.call("logout")
    while "sequence" in (end := driver.next_event()):
        pass
    assert end["name"] == "Unauthenticated"
    for options in ({"token": "mw_unknown"}, {}):
        stranger = open_driver(streams=streams, **options)
        stranger.call("events", {"after": 0})
        assert stranger.next_event()["name"] == "Unauthenticated"


def test_a_listener_starts_over_after_a_restore(
    package: Path, start_api: Callable[..., Api]
) -> None:
    # The epoch is the service's: other tests listen without it.
    api = start_api()
    asyncio.run(add_people(api.settings))
    drivers: list[Driver] = []

    def open_at(**options: Any) -> Driver:
        drivers.append(Driver(package))
        drivers[-1].call("open", api.url, {"retries": BRISK, **options})
        return drivers[-1]

    alpha, beta = open_at(), open_at()
    alpha.call("login", ALPHA, PASSWORD)
    beta.call("login", BETA, PASSWORD)
    beta.call("addBalance", 10)
    listening = {
        (streams, kind): open_at(session=alpha.sessions[-1], streams=streams)
        for streams in ("websocket", "sse")
        for kind in ("events", "notifications")
    }

    def listen(**options: Any) -> None:
        for (_, kind), driver in listening.items():
            driver.call(kind, options)

    def expect(number: int) -> None:
        for (_, kind), driver in listening.items():
            numbered = "sequence" if kind == "events" else "number"
            assert driver.next_event()[numbered] == number

    def expect_refusal() -> None:
        for driver in listening.values():
            error = driver.next_event()
            assert (error["name"], error["code"]) == ("ApiError", "BAD_USER_INPUT")
            assert error["extensions"]["reason"] == "EPOCH_ENDED"

    def pay() -> None:
        assert beta.call("sendMoney", {"email": ALPHA}, "0.10")["__typename"] == "MoneySent"

    pay()
    before = alpha.call("epoch")
    listen(after=1, epoch=before)
    for number in (2, 3):
        pay()
        expect(number)
    assert epoch.begin(api.settings) == 0
    expect_refusal()
    listen(after=3, epoch=before)
    expect_refusal()
    listen(after=3)
    expect_refusal()
    now = alpha.call("epoch")
    assert now != before
    listen(after=2, epoch=now)
    expect(3)
    pay()
    expect(4)
    for driver in drivers:
        driver.end()


# ================================================================ in a browser

_PAGE = """
<!doctype html>
<script type="importmap">
  {"imports": {
    "mini-wallet-client": "/node_modules/mini-wallet-client/dist/index.js",
    "graphql-ws/client": "/node_modules/graphql-ws/dist/client.js"
  }}
</script>
<script type="module">
  import * as client from 'mini-wallet-client';
  window.client = client;
</script>
"""
_IN_PAGE = """
async ([url, email, password, beta, streams]) => {
  const wallet = new client.Wallet(url, { streams });
  await wallet.login(email, password);
  await wallet.addBalance(10);
  const { sequence } = await wallet.viewer();
  const sent = await wallet.sendMoney({ email: beta }, '1.10');
  const told = [];
  const onInterruption = (error) => told.push(error.message);
  const events = wallet.events({ after: sequence, signal: AbortSignal.timeout(30_000), onInterruption });
  const { value } = await events.next();
  await events.return();
  if (!value) throw new Error(told);
  return [sent.transaction.sequence, value.sequence, String(client.minorUnits(value.transaction.amount))];
}
"""


def test_the_package_runs_in_a_browser(
    api: Api, package: Path, start_api: Callable[..., Api]
) -> None:
    # Its address is known before the service starts, which accepts pages of APP_URL alone.
    proxy = Proxy(api.url)
    proxy.target = start_api(database_url=api.settings.database_url, app_url=proxy.url).url

    (package / "page.html").write_text(_PAGE)
    proxy.files = {"/page.html": package, "/node_modules/": package}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium.headless_path(),
            args=[*chromium.ARGUMENTS],
            env={**processes.minimal_environment()},
        )
        page = browser.new_page()
        page.goto(f"{proxy.url}/page.html")
        page.wait_for_function("window.client")
        for streams in ("websocket", "sse"):
            sent, heard, units = page.evaluate(
                _IN_PAGE, [proxy.url, ALPHA, PASSWORD, BETA, streams]
            )
            assert (heard, units) == (sent, "110")
        browser.close()
    proxy.stop()


# ================================================================ without a service


_VALUES = """
import assert from 'node:assert/strict';
import * as client from 'mini-wallet-client';

const usd = (amount) => ({ amount: client.decimal(amount), currency: 'USD' });
assert.equal(client.minorUnits(usd('12.50')), 1250n);
assert.equal(client.minorUnits(usd('-0.05')), -5n);
assert.equal(client.minorUnits(usd(1250n)), 1250n);
assert.equal(client.fromMinorUnits(1250n, 2), '12.50');
assert.equal(client.fromMinorUnits(-5n, 2), '-0.05');
assert.equal(client.fromMinorUnits(1250n, 0), '1250');
for (const [less, more] of [['-1', '0'], ['-0.2', '-0.15'], ['1.4', '1.50'], ['9', '10.0'], ['.5', '1']]) {
  assert.equal(client.compareDecimals(client.decimal(less), client.decimal(more)), -1);
  assert.equal(client.compareDecimals(client.decimal(more), client.decimal(less)), 1);
}
assert.equal(client.compareDecimals(client.decimal('1.5'), client.decimal('+1.500')), 0);
assert.equal(client.decimalsOf(usd('12.500')), 3);
for (const amount of [1.5, NaN, '', '1e3', '1,5', '0x10', ' 1', 2 ** 60]) {
  assert.throws(() => client.decimal(amount), TypeError, String(amount));
}
assert.match(client.newKey(), /^[0-9a-f]{32}$/);

const { body, now, signed, other, wrong, stale, early } = JSON.parse(process.env.REQUESTS);
const [secret, replaced] = JSON.parse(process.env.SECRETS);
const verify = (headers, secrets = secret, sent = body) =>
  client.verifyWebhook(sent, headers, secrets, { now: now * 1000 });
const event = await verify(signed);
assert.deepEqual([event.id, event.number, event.epoch, event.data.note], ['msg_1', 8, 'the first', 'ž\\u2028']);
assert.equal((await verify(new Headers(signed), secret, new TextEncoder().encode(body))).number, 8);
const both = { ...signed, 'webhook-signature': `v1a,AA== ${other['webhook-signature']} ${signed['webhook-signature']}` };
assert.equal((await verify(both)).number, 8);
assert.equal((await verify(both, replaced)).number, 8);
assert.equal((await verify(other, [secret, replaced])).number, 8);
const refused = [
  [other], [wrong], [stale], [early], [{}], [{ ...signed, 'webhook-id': 'msg_2' }], [{ ...signed, 'webhook-signature': 'v1,!' }],
  [signed, secret, body.replace('8', '9')],
];
for (const [headers, secrets, sent] of refused) {
  await assert.rejects(verify(headers, secrets, sent), client.InvalidSignature);
}
await assert.rejects(verify(signed, ''), TypeError);
const upper = Object.fromEntries(Object.entries(signed).map(([name, value]) => [name.toUpperCase(), value]));
assert.equal((await verify(upper)).number, 8);
for (const sent of [JSON.parse(body), new ArrayBuffer(8), null]) {
  await assert.rejects(verify(signed, secret, sent), { name: 'TypeError', message: /as it was received/ });
}
const none = { name: 'TypeError', message: /createApiToken|an address/ };
for (const url of ['', '/', 'wallet.example', 'localhost:8000']) assert.throws(() => new client.Wallet(url), none);
for (const token of ['', 'mw_…', 'mw_x\\n']) {
  assert.throws(() => new client.Wallet('https://wallet.example', { token }), none);
}
const wallet = new client.Wallet('https://wallet.example');
await assert.rejects(wallet.sendMoney('user.beta@demo.app', 1), { name: 'TypeError', message: /recipient/ });
"""

_TYPES = """
import { Wallet, isUserError, type Money, type SendMoneyResult, type TransactionKind } from 'mini-wallet-client';

export function said(result: SendMoneyResult): string {
  switch (result.__typename) {
    case 'MoneySent': return result.transaction.reference;
    case 'InsufficientFunds': return result.shortfall.amount;
    default: return result.message;
  }
}
export const kind: TransactionKind = 'A_NEWER_KIND';
export async function pay(wallet: Wallet): Promise<Money | string> {
  const result = await wallet.sendMoney({ email: 'a@b.c' }, '12.50', { note: 'lunch' });
  return isUserError(result) ? result.message : result.viewer.balance;
}
// @ts-expect-error A plain string is no exact decimal.
export const money: Money = { amount: '12.50', currency: 'USD' };
"""


def test_the_package_contains_what_it_needs_and_no_more(package: Path) -> None:
    (packed,) = package.glob("*.tgz")
    with tarfile.open(packed) as archive:
        names = {name.removeprefix("package/") for name in archive.getnames()}
    assert {"LICENSE", "README.md", "package.json", "dist/index.js", "dist/index.d.ts"} <= names
    assert all(name.startswith("dist/") for name in names if name.endswith((".js", ".ts")))


def test_amounts_are_exact_and_webhook_requests_are_verified(package: Path) -> None:
    now = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
    secrets = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2VjcmV0IG51bWJlciB0d28gb2YgYWxs"]
    event = {
        "type": "wallet.event",
        "timestamp": now.isoformat(),
        "number": 8,
        "epoch": "the first",
        "data": {"note": "ž\u2028"},
    }
    body = json.dumps(event, ensure_ascii=False)

    def signed(secret: str = secrets[0], at: datetime = now) -> dict[str, str]:
        return {
            "webhook-id": "msg_1",
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(secret).sign("msg_1", at, body),
        }

    requests = {
        "body": body,
        "now": now.timestamp(),
        "signed": signed(),
        "other": signed(secrets[1]),
        "wrong": {**signed(), "webhook-timestamp": "soon"},
        "stale": signed(at=now - timedelta(seconds=301)),
        "early": signed(at=now + timedelta(seconds=301)),
    }
    (package / "values.mjs").write_text(_VALUES)
    environment = {"REQUESTS": json.dumps(requests), "SECRETS": json.dumps(secrets)}
    finished = subprocess.run(
        [node.node_path(), "values.mjs"],
        cwd=package,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr


def test_the_types_tell_results_apart(package: Path) -> None:
    (package / "types.ts").write_text(_TYPES)
    compiler = TYPESCRIPT_CLIENT / "node_modules" / "typescript" / "bin" / "tsc"
    options = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2022"]
    finished = subprocess.run(
        [node.node_path(), compiler, *options, "types.ts"],
        cwd=package,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout
