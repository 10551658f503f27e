"""A service with a schema of its own, which shows that the server is independent of the wallet."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import strawberry
import uvicorn
from prometheus_client import CollectorRegistry, Gauge
from starlette.types import Receive, Scope, Send

from graphql_server import facts
from graphql_server.endpoint import Endpoint
from graphql_server.errors import Credential, HttpError, Refusal
from graphql_server.execution import Engine
from graphql_server.long_lived import LongLived
from graphql_server.service import Costs, Header, OperationsTable, RootField

NO_TABLE = OperationsTable({}, Costs(default_page=20, maximum_page=100))
TABLE = OperationsTable(
    {
        "enter": RootField(works_signed_out=True),
        "count": RootField(checks_credential=True),
        "ticks": RootField(resume_argument="after", number_attribute="sequence"),
    },
    Costs(default_page=10, maximum_page=50, fields={"numbers": 7}),
)


class Refused(Exception):
    """What the toy refuses."""

    def __init__(self, code: str, credential: Credential | None = None) -> None:
        super().__init__(code)
        self.refusal = Refusal(f"{code}!", code, {"kind": "toy"}, credential)


@dataclass(slots=True)
class Context:
    """What its resolvers know of a request."""

    principal: str | None
    client_ip: str
    request_id: str
    can_set_cookies: bool
    cookies: list[str] = field(default_factory=list)


class Service:
    """Callers are named by their token; `old` has expired, and `ended` ends what is open."""

    def __init__(self, refused_seconds: int = 0) -> None:
        self.refusals: list[str] = []
        self.asked_active: list[bool] = []
        self._refused_seconds = refused_seconds
        self._watches: dict[object, Callable[[Exception], None]] = {}

    def refusal(self, error: BaseException) -> Refusal | None:
        return error.refusal if isinstance(error, Refused) else None

    def recognize(self, _authorization: str, *, ask_active: bool) -> str | None:
        return None

    async def authenticate(
        self, authorization: str | None, _client_ip: str, *, ask_active: bool
    ) -> str | None:
        self.asked_active.append(ask_active)
        if authorization is None:
            return None
        scheme, _, token = authorization.partition(" ")
        if scheme != "Bearer":
            raise Refused("UNAUTHENTICATED", Credential.MISSING)
        if token == "old":
            raise Refused("UNAUTHENTICATED", Credential.EXPIRED)
        return token

    def context(
        self,
        caller: str | None,
        *,
        client_ip: str,
        request_id: str,
        user_agent: str | None,
        cookie: str | None = None,
        can_set_cookies: bool = False,
    ) -> Context:
        if cookie == "two":
            raise HttpError(400, "One cookie only.", ((b"set-cookie", b"toy="),))
        return Context(caller, client_ip, request_id, can_set_cookies)

    def response_headers(self, context: Context) -> list[Header]:
        return [(b"set-cookie", cookie.encode()) for cookie in context.cookies]

    def account_of(self, caller: str) -> str:
        return caller

    def watch(self, _caller: str, ended: Callable[[Exception], None]) -> object:
        watch = object()
        self._loop = asyncio.get_running_loop()
        self._watches[watch] = ended
        return watch

    def unwatch(self, watch: object) -> None:
        del self._watches[watch]

    def end_credentials(self, credential: Credential) -> None:
        """As if the credentials of all streams and sockets had come to that."""
        for ended in list(self._watches.values()):
            refused = Refused("UNAUTHENTICATED", credential)
            self._loop.call_soon_threadsafe(ended, refused)

    def too_many_refusals(self, _client_ip: str) -> Refusal | None:
        seconds = self._refused_seconds
        if not seconds:
            return None
        return Refusal("Wait.", "RATE_LIMITED", {"retryAfterSeconds": seconds})

    async def count_refusal(self, client_ip: str) -> None:
        self.refusals.append(client_ip)

    def limit_typename(self, _context: Any) -> None:
        """Nobody is limited."""

    def limit_introspection(self, _context: Any) -> None:
        raise Refused("RATE_LIMITED")


@strawberry.type
class Query:
    @strawberry.field
    async def me(self, info: strawberry.Info[Context, None]) -> str | None:
        return info.context.principal

    @strawberry.field
    async def request_id(self, info: strawberry.Info[Context, None]) -> str:
        await asyncio.sleep(0)
        return info.context.request_id

    @strawberry.field
    async def numbers(self, first: int = 10) -> list[Point]:
        return [Point(x=x) for x in range(first)]

    @strawberry.field
    async def refused(self) -> int:
        raise Refused("FORBIDDEN")

    @strawberry.field
    async def fault(self) -> int:
        raise RuntimeError("an inner secret")


@strawberry.type
class Point:
    x: int


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def enter(self, info: strawberry.Info[Context, None]) -> str:
        info.context.cookies.append("toy=entered")
        return "entered"

    @strawberry.mutation
    async def count(self) -> int:
        return 1


@strawberry.type
class Tick:
    sequence: int


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def ticks(self, after: int = 0, until: int = 1_000_000) -> AsyncIterator[Tick]:
        for number in itertools.count(after + 1):
            if number > until:
                return
            if number > after + 3 and until == 1_000_000:
                await asyncio.Event().wait()
            yield Tick(sequence=number)

    @strawberry.subscription
    async def late(self, refused: bool = False) -> AsyncIterator[Tick]:
        """One tick; starts, or is refused, after a while."""
        await asyncio.sleep(0.05)
        if refused:
            raise Refused("FORBIDDEN")
        return _one_tick()


async def _one_tick() -> AsyncIterator[Tick]:
    yield Tick(sequence=1)


class Metrics:
    """Real gauges."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self.sockets = Gauge("sockets", "Open.", registry=registry)
        self.subscriptions = Gauge("subscriptions", "Under way.", registry=registry)


class Quota:
    """So many for each key."""

    is_full = False

    def __init__(self, each: int) -> None:
        self._each = each
        self._taken: Counter[str | None] = Counter()

    def take(self, key: str | None) -> bool:
        if key is not None and self._taken[key] >= self._each:
            return False
        self._taken[key] += 1
        return True

    def give_back(self, key: str | None) -> None:
        self._taken[key] -= 1


class Origins:
    """Pages of one origin may open WebSockets."""

    def allow(self, origin: str, _host: str | None) -> bool:
        return origin == "https://toy.example"


SCHEMA = strawberry.Schema(Query, Mutation, Subscription)


def engine(
    service: Service, schema: strawberry.Schema = SCHEMA, table: OperationsTable = TABLE
) -> Engine:
    return Engine(
        schema,
        service,
        table,
        metrics=Metrics(),
        long_lived=LongLived(),
        account_streams=Quota(2),
        hardened=False,
    )


@dataclass
class Toy:
    """A toy that listens."""

    service: Service
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def serving(service: Service) -> Iterator[Toy]:
    """Serve the toy schema on a real port for as long as the block runs."""
    endpoint: list[Endpoint] = []

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if not endpoint:
            endpoint.append(Endpoint(engine(service), Origins(), Quota(3), hardened=False))
        scope["facts"] = facts.of(scope)
        await endpoint[0](scope, receive, send)

    config = uvicorn.Config(
        answer, "127.0.0.1", 0, lifespan="off", log_config=None, ws="websockets-sansio"
    )
    listener = config.bind_socket()
    listener.listen()
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=[[listener]], daemon=True)
    thread.start()
    try:
        yield Toy(service, listener.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(timeout=20)
        assert not thread.is_alive()
