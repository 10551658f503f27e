"""The payment provider as a process of its own, and how to reach it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from dev import processes
from dev.processes import Child

HOST = "127.0.0.1"
#: Where the wallet takes the provider's events.
WEBHOOK_PATH = "/funding/stripe"


class StripeEmulator:
    """One provider; it keeps its port and its data over `stop()` and `start()`."""

    def __init__(
        self,
        *,
        file: Path,
        log: Path,
        api_key: str,
        webhook_secret: str,
        endpoint: str = "",
        host: str = HOST,
        shown_host: str = HOST,
        port: int | None = None,
        other_keys: Sequence[str] = (),
        pause_seconds: float = 1,
    ) -> None:
        """`endpoint` takes the events; `shown_host` is the name of this machine in the payer's browser.

        `other_keys` belong to further accounts; `pause_seconds` is the first pause after a delivery
        that failed.
        """
        self.file = file
        self.log = log
        self.api_key = api_key
        self.webhook_secret = webhook_secret
        self.endpoint = endpoint
        self.port = port or 0
        self._host = host
        self._shown_host = shown_host
        self._other_keys = tuple(other_keys)
        self._pause_seconds = pause_seconds
        self._child: Child | None = None
        self._client: httpx.Client | None = None

    @property
    def url(self) -> str:
        """Of the API and the payment page."""
        return f"http://{self._shown_host}:{self.port}"

    @property
    def dashboard(self) -> str:
        return f"{self.url}/test"

    @property
    def environment(self) -> dict[str, str]:
        """The variables that configure the service to use it."""
        return {
            "TOP_UP_PROVIDER": "stripe",
            "STRIPE_API_KEY": self.api_key,
            "STRIPE_WEBHOOK_SECRET": self.webhook_secret,
            "STRIPE_API_BASE": self.url,
        }

    @property
    def child(self) -> Child:
        assert self._child is not None, "the provider was not started"
        return self._child

    def start(self) -> None:
        """Start and wait until it answers. Raises `ServiceError`."""
        self.begin()
        self.finish()

    def begin(self) -> None:
        """Start without waiting."""
        self.port = self.port or processes.free_port()
        environment = {
            "STRIPE_EMULATOR_FILE": str(self.file),
            "STRIPE_EMULATOR_HOST": self._host,
            "STRIPE_EMULATOR_PORT": str(self.port),
            "STRIPE_EMULATOR_URL": self.url,
            "STRIPE_EMULATOR_ENDPOINT": self.endpoint,
            "STRIPE_EMULATOR_PAUSE_SECONDS": str(self._pause_seconds),
            "STRIPE_API_KEY": ",".join([self.api_key, *self._other_keys]),
            "STRIPE_WEBHOOK_SECRET": self.webhook_secret,
        }
        module = ["-P", "-m", "dev.stripe.server"]
        self._child = processes.spawn_python(
            "payment provider", module, log=self.log, env=environment
        )

    def finish(self) -> None:
        """Wait until the provider that `begin` started answers."""
        reachable = HOST if self._host in ("", "0.0.0.0", "::") else self._host  # noqa: S104
        processes.wait_until(
            lambda: processes.accepts_connections(reachable, self.port),
            self.child,
            30,
            "The payment provider",
        )

    def stop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None
        if self._child is not None:
            self._child.stop(5)

    def kill(self) -> None:
        """Kill it with SIGKILL, for tests of failures."""
        self.child.kill()

    # ------------------------------------------------------------ its behaviour

    def act(self, action: str, **values: object) -> dict[str, Any]:
        """Perform an action of `dev.stripe.actions` by its name. Raises `httpx.HTTPStatusError`."""
        given = {name: str(value) for name, value in values.items()}
        response = self._http().post(f"/test/control/{action}", json=given)
        response.raise_for_status()
        answer: dict[str, Any] = response.json()
        return answer

    def state(self) -> dict[str, Any]:
        """Its mode, faults, sessions and events, newest first."""
        answer: dict[str, Any] = self._http().get("/test/control").json()
        return answer

    def _http(self) -> httpx.Client:
        if self._client is None:
            base = f"http://{HOST}:{self.port}"
            self._client = httpx.Client(base_url=base, timeout=60, trust_env=False)
        return self._client
