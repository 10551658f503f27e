"""The API as a process of its own, on a real port and with real services."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from app import server
from app.asgi import App
from dev import mailbox, node
from domain.people import passwords, sessions
from persistence.engine.database import Database
from persistence.people import registrations
from settings import Settings
from tests import databases
from tests.conftest import make_settings
from tests.waiting import PATIENCE_SECONDS, block_until

_JUDGES = Path(__file__).resolve().parent.parent / "judges"
PASSWORD = "mini@Wallet025"
#: The least that bcrypt takes; `tests/client/test_accounts.py` registers at the real cost.
ROUNDS = 4
ALPHA, BETA, GAMMA = (f"user.{name}@demo.app" for name in ("alpha", "beta", "gamma"))

LOGIN = """
mutation ($input: LoginInput!) {
  login(input: $input) {
    __typename
    ... on SignedIn { credentials { accessToken refreshToken } viewer { id user { id } sequence } }
    ... on UserError { message }
  }
}
"""
ADD = """
mutation ($input: AddBalanceInput!) {
  addBalance(input: $input) { __typename ... on BalanceAdded { transaction { sequence } } }
}
"""


def code_of(answer: Any) -> str:
    """The code of the first error in an answer."""
    error = answer["errors"][0]
    assert isinstance(error["message"], str)
    code: str = error["extensions"]["code"]
    return code


@cache
def judges() -> Path:
    """The folder of the public JavaScript clients, with their packages installed."""
    node.ensure_installed(_JUDGES)
    return _JUDGES


@dataclass
class Api:
    """A running API, and the short ways to use it."""

    settings: Settings
    host: str
    port: int
    app: App
    stop: Callable[[], None] = lambda: None
    client: httpx.Client = field(init=False)
    loop: asyncio.AbstractEventLoop = field(init=False)
    _keys: int = 0

    def __post_init__(self) -> None:
        # Reading the certificates of the world for plain HTTP would take 40 ms each time.
        self.client = httpx.Client(base_url=self.url, timeout=20, verify=False)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def socket_url(self) -> str:
        return f"ws://{self.host}:{self.port}/graphql"

    def post(
        self,
        query: str,
        variables: dict[str, Any] | None = None,
        *,
        token: str | None = None,
        **headers: str,
    ) -> httpx.Response:
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        body = {"query": query, "variables": variables or {}}
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post("/graphql", json=body, headers=sent)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Block the API meanwhile, so that what is sent has arrived before its deadlines begin."""
        released = threading.Event()
        self.loop.call_soon_threadsafe(released.wait, PATIENCE_SECONDS)
        try:
            yield
        finally:
            released.set()

    def expired(self, token: str, seconds_ago: float = 1) -> str:
        """The access token as if it had expired that long ago."""
        claims = jwt.decode(token, options={"verify_signature": False})
        claims["exp"] = int(time.time() - seconds_ago)
        secret = self.settings.jwt_secrets[0]
        return jwt.encode(claims, secret, sessions.ALGORITHM, {"typ": "at+jwt"})

    def expire_tokens(self) -> None:
        """Wait for an open stream or socket, and let the access tokens of all of them expire."""
        assert self.app._opened is not None
        watches = self.app._opened.services.live._credentials._watches
        block_until(lambda: watches)
        now, lifetime = time.monotonic(), self.settings.access_token_seconds
        for watch in list(watches):
            # It would have expired by itself, within its lifetime.
            assert watch._expires_at is not None
            assert 0 < watch._expires_at - now <= lifetime
            watch._expires_at = float("-inf")

    def data(self, query: str, variables: Any = None, *, token: str | None = None) -> Any:
        answer = self.post(query, variables, token=token).json()
        assert "errors" not in answer, answer
        return answer["data"]

    def sign_in(self, email: str = ALPHA) -> str:
        found = self.data(LOGIN, {"input": {"email": email, "password": PASSWORD}})["login"]
        assert found["__typename"] == "SignedIn", found
        token: str = found["credentials"]["accessToken"]
        return token

    def add_balance(self, token: str, amount: str = "1.00") -> int:
        self._keys += 1
        added = self.data(
            ADD,
            {"input": {"amount": amount, "idempotencyKey": f"test-key-{self._keys:04}"}},
            token=token,
        )["addBalance"]
        sequence: int = added["transaction"]["sequence"]
        return sequence


class _Running:
    def __init__(
        self, settings: Settings, files: int | None = None, mails: Path | None = None
    ) -> None:
        self.settings = settings
        self.listener = server.listen("127.0.0.1", 0)
        shown = None if mails is None else partial(mailbox.read, mails)
        config, self.app = server.configure(settings, shown, files, password_rounds=ROUNDS)
        self.server = server.Server(config, self.app)
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        asyncio.run(self.server.serve([self.listener]))

    def start(self) -> Api:
        self.thread.start()
        host, port = self.listener.getsockname()
        api = Api(self.settings, host, port, self.app, self.stop)
        # The socket listens already: the first answer comes once the process is ready.
        assert api.client.get("/healthz").status_code == 200
        api.loop = self.server.servers[0].get_loop()
        return api

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(timeout=30)
        assert not self.thread.is_alive()


@pytest.fixture
def start_api(settings: Settings) -> Iterator[Callable[..., Api]]:
    """Start an API on this test's database and Redis, with settings of its own if given."""
    started: list[tuple[_Running, Api]] = []

    def start(mails: Path | None = None, **changed: object) -> Api:
        running = _Running(settings.model_copy(update=changed), mails=mails)
        api = running.start()
        started.append((running, api))
        return api

    yield start
    for running, api in started:
        api.client.close()
        running.stop()


@pytest.fixture(scope="session")
def api(template_database: str, worker_number: int) -> Iterator[Api]:
    """An API with the three demo people, shared by all tests that do not disturb each other."""
    with databases.reused(worker_number, template_database) as url:
        running = _Running(make_settings(database_url=url))
        asyncio.run(add_people(running.settings))
        api = running.start()
        yield api
        api.client.close()
        running.stop()


@pytest.fixture(autouse=True)
def _no_cookies(request: pytest.FixtureRequest) -> None:
    """Tests that share an API do not share its client's cookies."""
    if "api" in request.fixturenames:
        request.getfixturevalue("api").client.cookies.clear()


async def add_people(settings: Settings) -> None:
    database = await Database.open(settings.database_url.get_secret_value())
    for email, name in ((ALPHA, "User Alpha"), (BETA, "User Beta"), (GAMMA, "User Gamma")):
        await registrations.register_verified(
            database,
            name=name,
            email=email,
            password_hash=passwords.hash_password(PASSWORD, ROUNDS),
        )
    await database.close()
