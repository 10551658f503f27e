"""Sends requests to the endpoints of webhooks, which must not lead into the network of this service.

The host is resolved at every attempt, every address that it has must be public, and the connection is made
to an address that was checked (ssrfguard). Redirects are not followed.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Self
from urllib.parse import urlsplit

import httpcore
import httpx
import ssrfguard
from ssrfguard.httpx import AsyncSafeBackend

from domain import text, webhooks
from domain.webhooks import Outcome
from settings import Settings

#: As `socket.getaddrinfo`: what a host name has for addresses.
Resolve = Callable[..., list[Any]]

#: How much of a response is read at most. What an endpoint sends beyond it is not waited for.
MAXIMUM_RESPONSE_BYTES = 16_384
_HTTPS_PORT = 443
#: Ports below are those of other well-known services.
_LOWEST_PORT = 1024
_ALL_PORTS = frozenset(range(1, 65_536))
_EVERYWHERE = (ip_network("0.0.0.0/0"), ip_network("::/0"))
#: Lookups cannot be cancelled: one that is abandoned keeps its thread for as long as it takes. As many as
#: deliveries that are under way at once, so that name servers which do not answer delay no other lookup.
_LOOKUPS_AT_ONCE = 500
_LOOKUP_SECONDS = 5.0
#: What a request ends with, other than a response.
_TROUBLE = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
    ssrfguard.SSRFGuardError,
)


#: Forms in which an IPv6 address stands for an IPv4 address: compatible, mapped, translated, NAT64, 6to4.
_TRANSLATED = tuple(
    ip_network(each)
    for each in ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "2002::/16")
)
_OWN_PORT = "This port belongs to the wallet itself."


class NotPublic(Exception):
    """The address of an endpoint is not accepted; the text is a sentence for its owner."""


@dataclass(frozen=True, slots=True)
class Service:
    """Where a service of this installation listens."""

    host: str
    port: int


class Endpoints:
    """Checks addresses and sends requests; one per process and event loop.

    `allowed_hosts` are exceptions (WEBHOOK_ALLOWED_HOSTS): their addresses need not be public, and plain
    HTTP is accepted too. `own` are never accepted. `verify` is the trust in certificates, by default that
    of the environment.
    """

    def __init__(
        self,
        allowed_hosts: Collection[str] = (),
        own: Collection[Service] = (),
        *,
        resolve: Resolve = socket.getaddrinfo,
        verify: ssl.SSLContext | None = None,
        attempt_seconds: float = webhooks.ATTEMPT_SECONDS,
    ) -> None:
        self._allowed = frozenset(_canonical(host) for host in allowed_hosts)
        self._own = frozenset(Service(_canonical(each.host), each.port) for each in own)
        self._own_ports = frozenset(each.port for each in own)
        self._resolve = resolve
        self._verify = verify
        self._attempt_seconds = attempt_seconds
        self._public = ssrfguard.Policy(
            allowed_schemes=frozenset({"https"}), allowed_ports=_ALL_PORTS
        )
        self._excepted = ssrfguard.Policy(allowed_ports=_ALL_PORTS, allowed_networks=_EVERYWHERE)
        self._lookups = ThreadPoolExecutor(_LOOKUPS_AT_ONCE, thread_name_prefix="lookup")

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """With the exceptions of the settings, and without the services that they name."""
        own = [Service(host, port) for host, port in settings.own_addresses]
        return cls(settings.webhook_allowed_hosts, own)

    @cached_property
    def _trusted(self) -> ssl.SSLContext:
        return self._verify or httpx.create_ssl_context()

    def close(self) -> None:
        """Abandon lookups that are under way."""
        self._lookups.shutdown(wait=False, cancel_futures=True)

    async def check(self, url: str) -> None:
        """Raise NotPublic where no request would be sent to that address now."""
        target, policy = self._target(url)
        await self._answers(target, policy)

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        """Send the request; whatever goes wrong is the outcome. It takes at most 15 seconds."""
        sent_at, began = datetime.now(UTC), time.monotonic()
        received = _Received()
        try:
            async with asyncio.timeout(self._attempt_seconds):
                await self._send(url, headers, body, received)
            trouble = None
        except TimeoutError:
            seconds = f"{self._attempt_seconds:g} seconds"
            trouble = (
                f"No response within {seconds}."
                if received.status is None
                else f"The response was not complete within {seconds}."
            )
        except NotPublic as error:
            trouble = str(error)
        except (*_TROUBLE, OSError) as error:
            trouble = _trouble(error)
        elapsed = round((time.monotonic() - began) * 1000)
        status = received.status
        is_accepted = trouble is None and status is not None and 200 <= status < 300
        is_redirect = trouble is None and status is not None and 300 <= status < 400
        detail = trouble or ("Redirects are not followed." if is_redirect else received.text())
        return Outcome(sent_at, elapsed, status, detail or None, is_accepted)

    async def _send(
        self, url: str, headers: Mapping[str, str], body: bytes, received: _Received
    ) -> None:
        target, policy = self._target(url)
        answers = await self._answers(target, policy)
        backend = _Backend(policy=policy, resolver=lambda *_arguments: answers)
        # A connection of its own for each attempt: one that is kept would not be checked again.
        pool = httpcore.AsyncConnectionPool(
            ssl_context=self._trusted,
            max_connections=1,
            max_keepalive_connections=0,
            network_backend=backend,
        )
        try:
            async with pool:
                response = await pool.handle_async_request(_request(url, headers, body))
                received.status = response.status
                try:
                    async for chunk in response.aiter_stream():
                        received.body += chunk
                        if len(received.body) >= MAXIMUM_RESPONSE_BYTES:
                            break
                finally:
                    await response.aclose()
        finally:
            await backend.close()

    def _target(self, url: str) -> tuple[ssrfguard.Target, ssrfguard.Policy]:
        """The target of the address, as far as it is known without a lookup."""
        if "#" in url:
            raise NotPublic("Leave out the fragment, which is never sent.")
        policy = self._policy(url)
        try:
            target = policy.check_url(url)
            # What will be requested, which must be no other address.
            asked = policy.check_url(str(httpx.URL(url)))
        except ssrfguard.BlockedAddressError as error:
            raise NotPublic(_not_public(error)) from None
        except (ssrfguard.SSRFGuardError, httpx.InvalidURL, UnicodeError) as error:
            raise NotPublic(_wrong_url(error)) from None
        if (target.scheme, _canonical(target.host), target.port) != (
            asked.scheme,
            _canonical(asked.host),
            asked.port,
        ):
            raise NotPublic("The host name is ambiguous: write it in plain letters.")
        is_exception = policy is self._excepted
        if not is_exception and target.port != _HTTPS_PORT and target.port < _LOWEST_PORT:
            raise NotPublic("Choose port 443, or one from 1024 on.")
        is_own = Service(_canonical(target.host), target.port) in self._own
        if is_own or (is_exception and target.port in self._own_ports):
            raise NotPublic(_OWN_PORT)
        return target, policy

    def _policy(self, url: str) -> ssrfguard.Policy:
        try:
            host = urlsplit(url).hostname or ""
        except ValueError:
            host = ""
        return self._excepted if _canonical(host) in self._allowed else self._public

    async def _answers(self, target: ssrfguard.Target, policy: ssrfguard.Policy) -> list[Any]:
        """The addresses of the host, all of which are accepted. Raises NotPublic."""
        loop = asyncio.get_running_loop()
        flags = socket.AI_NUMERICHOST if target.is_literal_address else 0
        looking = loop.run_in_executor(
            self._lookups,
            lambda: self._resolve(target.host, target.port, 0, socket.SOCK_STREAM, 0, flags),
        )
        try:
            async with asyncio.timeout(_LOOKUP_SECONDS):
                answers = await looking
        except TimeoutError:
            raise NotPublic("The host name could not be looked up in time.") from None
        except (OSError, UnicodeError):
            raise NotPublic("The host name has no address.") from None
        try:
            ssrfguard.resolve(target, policy=policy, resolver=lambda *_arguments: answers)
        except ssrfguard.SSRFGuardError as error:
            raise NotPublic(_not_public(error)) from None
        except OSError:
            raise NotPublic("The host name has no address.") from None
        self._check_answers(target, policy, answers)
        return answers

    def _check_answers(
        self, target: ssrfguard.Target, policy: ssrfguard.Policy, answers: Sequence[Any]
    ) -> None:
        """Refuse the services of this installation in any notation, and addresses that stand for another one."""
        addresses = [ip_address(answer[4][0]) for answer in answers]
        if ":" in target.host:
            addresses.append(ip_address(_canonical(target.host)))
        if any(Service(str(each), target.port) in self._own for each in addresses):
            raise NotPublic(_OWN_PORT)
        if policy is not self._excepted and any(map(_is_translated, addresses)):
            raise NotPublic("The host must have addresses of its own, none that are translated.")


class _Backend(AsyncSafeBackend):
    """Connects to checked addresses, and closes what it opened: httpcore does not where it is cancelled
    during a TLS handshake.
    """

    def __init__(self, *, policy: ssrfguard.Policy, resolver: Resolve) -> None:
        super().__init__(policy=policy, resolver=resolver)
        self._opened: list[httpcore.AsyncNetworkStream] = []

    async def connect_tcp(self, *arguments: Any, **options: Any) -> httpcore.AsyncNetworkStream:
        stream = await super().connect_tcp(*arguments, **options)
        self._opened.append(stream)
        return stream

    async def close(self) -> None:
        for stream in self._opened:
            await stream.aclose()


def _request(url: str, headers: Mapping[str, str], body: bytes) -> httpcore.Request:
    parsed = httpx.URL(url)
    sent = {
        "host": parsed.netloc.decode("ascii"),
        **headers,
        "accept": "*/*",
        "accept-encoding": "identity",
        "connection": "close",
        "content-length": str(len(body)),
    }
    return httpcore.Request(
        "POST",
        httpcore.URL(
            scheme=parsed.raw_scheme, host=parsed.raw_host, port=parsed.port, target=parsed.raw_path
        ),
        headers=[(name.encode("ascii"), value.encode("ascii")) for name, value in sent.items()],
        content=body,
    )


class _Received:
    """What has come of a response so far."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.body = bytearray()

    def text(self) -> str:
        """The start of the body, printable."""
        decoded = bytes(self.body[: 8 * webhooks.DETAIL_CHARACTERS]).decode("utf-8", "replace")
        visible = text.without_invisible(decoded)
        printable = "".join(c if c.isprintable() else " " for c in visible)
        return printable.strip()[: webhooks.DETAIL_CHARACTERS]


def _is_translated(address: IPv4Address | IPv6Address) -> bool:
    return any(address in network for network in _TRANSLATED)


def _canonical(host: str) -> str:
    """The host by which names that mean the same are equal."""
    host = host.strip("[]").rstrip(".").lower()
    try:
        return str(ip_address(host))
    except ValueError:
        return host


def _not_public(_error: BaseException) -> str:
    # Without the address: it would reveal what a name of this network resolves to.
    return "The host must have public addresses only."


def _wrong_url(error: Exception) -> str:
    reason = str(getattr(error, "reason", error))
    if "scheme" in reason:
        return "The address must begin with https://."
    if "credentials" in reason:
        return "Leave out the user name and password: deliveries are signed instead."
    if "digits and dots" in reason:
        return "The host must have public addresses only."
    if "port" in reason:
        return "The port is not valid."
    return "This is not an address such as https://example.com/webhooks."


def _trouble(error: BaseException) -> str:
    """Why there was no complete response."""
    causes: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and len(causes) < 10:
        causes.append(cause)
        cause = cause.__cause__ or cause.__context__
    for each in causes:
        if isinstance(each, ssl.SSLCertVerificationError):
            reason = (each.verify_message or "it could not be verified").rstrip(".")
            return f"The certificate is not valid: {reason}."[: webhooks.DETAIL_CHARACTERS]
    if any(isinstance(each, ssl.SSLError) for each in causes):
        return "No TLS connection could be made."
    if any(isinstance(each, ssrfguard.SSRFGuardError) for each in causes):
        return _not_public(error)
    if isinstance(error, httpcore.ConnectError | httpcore.ConnectTimeout):
        return "No connection could be made."
    if isinstance(error, httpcore.ProtocolError):
        return "The response was not valid HTTP, or ended early."
    return "The connection was lost before the response was complete."
