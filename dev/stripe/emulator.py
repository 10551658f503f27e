"""The payment provider as a process of its own, and how to reach it."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

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
        port: int | None = None,
        other_keys: Sequence[str] = (),
        pause_seconds: float = 1,
    ) -> None:
        """`endpoint` takes the events, none if it is empty; `other_keys` belong to further accounts.

        `pause_seconds` is the first pause after a delivery that failed.
        """
        self.file = file
        self.log = log
        self.api_key = api_key
        self.webhook_secret = webhook_secret
        self.endpoint = endpoint
        self.port = port or 0
        self._host = host
        self._other_keys = tuple(other_keys)
        self._pause_seconds = pause_seconds
        self._child: Child | None = None

    @property
    def url(self) -> str:
        """The address of the API and the payment page."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.port}"

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
        processes.wait_until(
            lambda: processes.accepts_connections(self._host, self.port),
            self.child,
            30,
            "The payment provider",
        )

    def stop(self) -> None:
        if self._child is not None:
            self._child.stop(5)

    def kill(self) -> None:
        """Kill it with SIGKILL, for tests of failures."""
        self.child.kill()

    # ------------------------------------------------------------ its behaviour

    def act(self, action: str, **values: object) -> dict[str, Any]:
        """Perform an action of `dev.stripe.actions` by its name. Raises `ValueError` if it is refused."""
        given = {name: str(value) for name, value in values.items()}
        return self._ask("POST", f"/test/control/{action}", json.dumps(given))

    def state(self) -> dict[str, Any]:
        """Its mode, faults, sessions and events, newest first."""
        return self._ask("GET", "/test/control")

    def _ask(self, method: str, path: str, body: str | None = None) -> dict[str, Any]:
        connection = http.client.HTTPConnection(self._host, self.port, timeout=60)
        with contextlib.closing(connection):
            connection.request(method, path, body, {"content-type": "application/json"})
            response = connection.getresponse()
            answer: dict[str, Any] = json.load(response)
        if response.status != 200:
            raise ValueError(answer["error"]["message"])
        return answer
