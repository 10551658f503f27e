"""Endpoints of webhooks: which addresses are accepted, and what comes of every kind of response."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.webhook_endpoints import Endpoints, NotPublic, Service
from domain.webhooks import Outcome
from tests.receivers import Answer, hangs_up, receiving, repeats, says, sends

pytestmark = pytest.mark.anyio

CERTIFICATE = Path(__file__).parent / "self_signed.pem"
PUBLIC, PUBLIC_6 = "93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"


def resolving(*addresses: str) -> Callable[..., list[Any]]:
    """A resolver for which every name has those addresses."""

    def resolve(_host: str, port: int, *_more: object) -> list[Any]:
        found: list[Any] = []
        for address in addresses:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            place = (address, port, 0, 0) if ":" in address else (address, port)
            found.append((family, socket.SOCK_STREAM, 6, "", place))
        return found

    return resolve


@pytest.fixture
def make_endpoints() -> Iterator[Callable[..., Endpoints]]:
    made: list[Endpoints] = []

    def make(*allowed: str, own: list[Service] | None = None, **more: Any) -> Endpoints:
        made.append(Endpoints(allowed, own or [], **more))
        return made[-1]

    yield make
    for each in made:
        each.close()


Make = Callable[..., Endpoints]


async def refused(endpoints: Endpoints, url: str) -> str:
    with pytest.raises(NotPublic) as caught:
        await endpoints.check(url)
    return str(caught.value)


# ================================================================ addresses


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "127.0.0.1.",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "017700000001",
        "127.000.000.001",
        "0",
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.168.0.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "[::]",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b::a00:1]",
        "[64:ff9b:1::a00:1]",
        "[2002:7f00:1::]",
        "[2001:0:7f00:1::]",
        "[fc00::1]",
        "[fe80::1]",
        "[fe80::1%25eth0]",
        "[ff02::1]",
        "[2001:db8::1]",
        "localhost",
        "LOCALHOST.",
        "①②⑦.0.0.1",
        "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
        "%31%32%37.0.0.1",
        "[127.0.0.1]",
        "127.0.0.1\t",
        "",
    ],
)
async def test_no_notation_of_an_internal_address_is_accepted(
    make_endpoints: Make, host: str
) -> None:
    endpoints = make_endpoints()
    await refused(endpoints, f"https://{host}/hooks")
    outcome = await endpoints.post(f"https://{host}/hooks", {}, b"{}")
    assert (outcome.status, outcome.is_delivered) == (None, False)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/hooks",
        "//example.com/hooks",
        "http://example.com/hooks",
        "ws://example.com/hooks",
        "file:///etc/passwd",
        "https:///hooks",
        "https://user@example.com/",
        "https://user:secret@example.com/",
        "https://example.com@127.0.0.1/",
        "https://example.com\\@127.0.0.1/",
        "https://example.com#@127.0.0.1/",
        "https://example.com/#part",
        "https://example.com/#",
        "https://example.com:0/",
        "https://example.com:22/",
        "https://example.com:80/",
        "https://example.com:65536/",
        "https://example.com:nonsense/",
        "https://exam ple.com/",
        "https://exam\nple.com/",
        "https://exam\0ple.com/",
        "https://[::1/",
        "https://example..com/",
        "https://" + "a" * 300 + ".com/",
        "https://\ud800.com/",
        "https://example.com/\ud800",
        "https://example.com/a\r\nhost: other",
        f"https://[::ffff:{PUBLIC}]/",
        f"https://[::{PUBLIC}]/",
        f"https://[::ffff:0:{PUBLIC}]/",
        f"https://[64:ff9b::{PUBLIC}]/",
        "https://[2002:5db8:d822::]/",
    ],
)
async def test_what_is_no_public_https_address_is_refused(make_endpoints: Make, url: str) -> None:
    endpoints = make_endpoints(resolve=resolving(PUBLIC))
    await refused(endpoints, url)
    assert (await endpoints.post(url, {}, b"{}")).status is None


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "HTTPS://EXAMPLE.com/Hooks?key=value",
        "https://example.com:8443/",
        "https://example.com./hooks",
        "https://bücher.example/hooks",
        "https://xn--bcher-kva.example/",
        f"https://{PUBLIC}/",
        f"https://[{PUBLIC_6}]/",
    ],
)
async def test_public_https_addresses_are_accepted(make_endpoints: Make, url: str) -> None:
    await make_endpoints(resolve=resolving(PUBLIC, PUBLIC_6)).check(url)


@pytest.mark.parametrize(
    "addresses",
    [
        ("10.0.0.1",),
        (PUBLIC, "10.0.0.1"),
        ("::1", PUBLIC),
        (PUBLIC_6, "::ffff:10.0.0.1"),
        (PUBLIC, f"::ffff:{PUBLIC}"),
        (f"64:ff9b::{PUBLIC}",),
        (),
    ],
)
async def test_every_address_of_a_name_must_be_public(
    make_endpoints: Make, addresses: tuple[str, ...]
) -> None:
    await refused(make_endpoints(resolve=resolving(*addresses)), "https://example.com/")


async def test_a_name_that_changes_between_look_ups_is_asked_once_per_attempt(
    make_endpoints: Make,
) -> None:
    async with receiving() as inside:
        asked: list[str] = []

        def rebinding(host: str, port: int, *more: object) -> list[Any]:
            asked.append(host)
            return resolving(PUBLIC if len(asked) == 1 else "127.0.0.1")(host, port, *more)

        endpoints = make_endpoints(resolve=rebinding)
        url = f"https://example.com:{inside.port}/"
        await endpoints.check(url)
        outcome = await endpoints.post(url, {}, b"{}")
        assert outcome.detail == "The host must have public addresses only."
        assert asked == ["example.com", "example.com"]
        assert inside.requests == []


async def test_a_lookup_that_fails_is_no_address(make_endpoints: Make) -> None:
    def away(*_arguments: object) -> list[Any]:
        raise socket.gaierror(socket.EAI_AGAIN, "away")

    said = await refused(make_endpoints(resolve=away), "https://example.com/")
    assert said == "The host name has no address."


async def test_a_lookup_that_never_ends_ends_the_attempt(make_endpoints: Make) -> None:
    ended = threading.Event()

    def stuck(*_arguments: object) -> list[Any]:
        ended.wait(60)
        return []

    endpoints = make_endpoints(resolve=stuck, attempt_seconds=0.2)
    try:
        outcome = await endpoints.post("https://example.com/", {}, b"{}")
        assert outcome.detail == "No response within 0.2 seconds."
    finally:
        ended.set()


async def test_lookups_that_hang_delay_no_other(make_endpoints: Make) -> None:
    ended = threading.Event()

    def resolve(host: str, *more: Any) -> list[Any]:
        if host == "stuck.test":
            ended.wait(60)
        return resolving(PUBLIC)(host, *more)

    endpoints = make_endpoints(resolve=resolve)
    stuck = [asyncio.create_task(endpoints.check("https://stuck.test/")) for _ in range(200)]
    try:
        await endpoints.check("https://example.com/")
        assert not any(task.done() for task in stuck)
    finally:
        ended.set()
        await asyncio.gather(*stuck, return_exceptions=True)


async def test_exceptions_are_exactly_the_hosts_that_are_named(make_endpoints: Make) -> None:
    async with receiving() as receiver:
        url = receiver.url
        await make_endpoints("127.0.0.1").check(url)
        for other in ("localhost", "127.0.0.2", "0.0.0.0"):
            await refused(make_endpoints(other), url)
        own = [Service("elsewhere", receiver.port)]
        said = await refused(make_endpoints("127.0.0.1", own=own), url)
        assert said == "This port belongs to the wallet itself."
    own = [Service("wallet.example.com", 443)]
    endpoints = make_endpoints(own=own, resolve=resolving(PUBLIC))
    await refused(endpoints, "https://wallet.example.com./graphql")
    await endpoints.check("https://other.example.com/")


@pytest.mark.parametrize(
    "host", [PUBLIC, "0x5db8d822", "0X5DB8D822", f"[::ffff:{PUBLIC}]", "other.example.com"]
)
async def test_no_notation_of_an_own_address_and_no_name_for_it_leads_to_its_port(
    make_endpoints: Make, host: str
) -> None:
    own = [Service(PUBLIC, 8443)]
    endpoints = make_endpoints(own=own, resolve=resolving(PUBLIC))
    await refused(endpoints, f"https://{host}:8443/")
    outcome = await endpoints.post(f"https://{host}:8443/", {}, b"{}")
    assert outcome.status is None


# ================================================================ responses


async def outcome_of(make_endpoints: Make, answer: Answer) -> Outcome:
    return await outcome_at(make_endpoints("127.0.0.1"), answer)


async def outcome_at(endpoints: Endpoints, answer: Answer) -> Outcome:
    async with receiving(answer) as receiver:
        return await endpoints.post(receiver.url, {"webhook-id": "evt_1"}, b'{"number": 1}')


async def test_a_request_arrives_as_it_was_sent(make_endpoints: Make) -> None:
    async with receiving(says(204)) as receiver:
        endpoints = make_endpoints("127.0.0.1")
        outcome = await endpoints.post(receiver.url, {"webhook-id": "evt_1"}, b'{"number": 1}')
        assert (outcome.status, outcome.is_delivered, outcome.detail) == (204, True, None)
        (request,) = receiver.requests
        assert request.line == "POST /hooks?from=wallet HTTP/1.1"
        assert request.headers["webhook-id"] == "evt_1"
        assert request.body == b'{"number": 1}'
        assert not {"cookie", "authorization"} & set(request.headers)


@pytest.mark.parametrize("status", [200, 201, 299])
async def test_2xx_acknowledges(make_endpoints: Make, status: int) -> None:
    outcome = await outcome_of(make_endpoints, says(status, "thank you"))
    assert (outcome.is_delivered, outcome.status, outcome.detail) == (True, status, "thank you")


@pytest.mark.parametrize("status", [400, 404, 410, 500, 503])
async def test_other_statuses_do_not(make_endpoints: Make, status: int) -> None:
    outcome = await outcome_of(make_endpoints, says(status, "no\n\t\0" + "x" * 500))
    assert (outcome.is_delivered, outcome.status) == (False, status)
    assert outcome.detail == ("no   " + "x" * 500)[:200]


async def test_redirects_are_not_followed(make_endpoints: Make) -> None:
    async with receiving() as other:
        for status in (301, 302, 307, 308):
            outcome = await outcome_of(make_endpoints, says(status, location=other.url))
            assert (outcome.is_delivered, outcome.status) == (False, status)
            assert outcome.detail == "Redirects are not followed."
        assert other.requests == []


async def test_cookies_are_not_kept(make_endpoints: Make) -> None:
    async with receiving(says(200, **{"set-cookie": "a=b"})) as receiver:
        endpoints = make_endpoints("127.0.0.1")
        for _ in range(2):
            await endpoints.post(receiver.url, {}, b"{}")
        assert all("cookie" not in request.headers for request in receiver.requests)


_OK = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n"


_SILENT = "No response within 3 seconds."
_INCOMPLETE = "The response was not complete within 3 seconds."
_NO_HTTP = "The response was not valid HTTP, or ended early."
#: What endpoints do, and the status and the detail of the attempt.
ENDLESS: list[tuple[Answer, int | None, str]] = [
    (sends(), None, _SILENT),
    (sends(_OK), None, _SILENT),
    (sends(_OK + b"content-length: 9\r\n\r\nhalf"), 200, _INCOMPLETE),
    (repeats(_OK + b"content-length: 99999\r\n\r\n", b"x", 0.01), 200, _INCOMPLETE),
    (repeats(_OK, b"x: y\r\n", 0.01), None, _SILENT),
    (repeats(_OK, b"x: " + b"y" * 1000 + b"\r\n"), None, _NO_HTTP),
    (repeats(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.01), None, _SILENT),
    (hangs_up, 200, _NO_HTTP),
    (sends(b"nonsense\r\n\r\n"), None, _NO_HTTP),
]


async def test_a_response_that_does_not_end_is_no_acknowledgement(make_endpoints: Make) -> None:
    endpoints = make_endpoints("127.0.0.1", attempt_seconds=3)
    # What takes time at first does not take it from the attempts.
    await outcome_at(endpoints, says(200))
    outcomes = await asyncio.gather(
        *(outcome_at(endpoints, answer) for answer, *_ in ENDLESS),
    )
    found = [(outcome.is_delivered, outcome.status, outcome.detail) for outcome in outcomes]
    assert found == [(False, status, detail) for _, status, detail in ENDLESS]


async def test_a_long_response_is_not_read_to_its_end(make_endpoints: Make) -> None:
    answer = repeats(_OK + b"connection: close\r\n\r\n", b"x" * 10_000)
    outcome = await outcome_of(make_endpoints, answer)
    assert (outcome.is_delivered, outcome.status, outcome.detail) == (True, 200, "x" * 200)


async def test_nothing_listens(make_endpoints: Make) -> None:
    async with receiving() as receiver:
        url = receiver.url
    outcome = await make_endpoints("127.0.0.1").post(url, {}, b"{}")
    assert outcome.detail == "No connection could be made."


# ================================================================ TLS


def certificate() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


async def test_a_certificate_of_no_trusted_authority_is_refused(make_endpoints: Make) -> None:
    async with receiving(certificate=certificate()) as receiver:
        outcome = await make_endpoints("127.0.0.1").post(receiver.url, {}, b"{}")
        assert not outcome.is_delivered
        assert outcome.detail is not None
        assert outcome.detail.startswith("The certificate is not valid:")
        assert receiver.requests == []


async def test_a_trusted_certificate_must_be_for_the_host(make_endpoints: Make) -> None:
    trusted = ssl.create_default_context(cafile=str(CERTIFICATE))
    async with receiving(certificate=certificate()) as receiver:
        outcome = await make_endpoints("127.0.0.1", verify=trusted).post(receiver.url, {}, b"{}")
        assert outcome.is_delivered, outcome
        other = make_endpoints("other.test", verify=trusted, resolve=resolving("127.0.0.1"))
        outcome = await other.post(f"https://other.test:{receiver.port}/", {}, b"{}")
        assert outcome.detail is not None
        assert outcome.detail.startswith("The certificate is not valid:")


async def test_an_endpoint_that_does_not_speak_tls_is_no_endpoint(make_endpoints: Make) -> None:
    async with receiving() as receiver:
        url = receiver.url.replace("http:", "https:")
        outcome = await make_endpoints("127.0.0.1", attempt_seconds=2).post(url, {}, b"{}")
        assert not outcome.is_delivered
        assert outcome.detail in (
            "No TLS connection could be made.",
            "No connection could be made.",
            "No response within 2 seconds.",
        )
