"""The shop of the examples processes each payment once and in order, after being killed and offline."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from dev import node, processes
from dev.processes import Child
from mini_wallet_client import ApiTokenCreated, MoneySent, Scope, Wallet
from settings import ROOT, Settings
from tests.app.conftest import PASSWORD, Api
from tests.clients.conftest import signed_in
from tests.clients.people import register
from tests.jobs.conftest import start_process  # noqa: F401 - a fixture
from tests.waiting import block_until

SCRIPT = ROOT / "examples" / "shop" / "shop.mjs"
AN_HOUR = 3600.0
ATTEMPTS = "{ viewer { webhooks { attempts(first: 100) { nodes { number responseStatus } } } } }"


class Shop:
    """The example in a process of its own, to be killed and started again."""

    def __init__(self, folder: Path, wallet_url: str, token: str) -> None:
        port = processes.free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._folder = folder
        self._environment = {
            **os.environ,
            "WALLET_URL": wallet_url,
            "WALLET_TOKEN": token,
            "SHOP_URL": self.url,
            "PORT": str(port),
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self._folder / "shop.log").open("ab") as log:
            self._process = subprocess.Popen(
                [node.node_path(), "shop.mjs"],
                cwd=self._folder,
                env=self._environment,
                stdout=log,
                stderr=log,
            )
        address = self.url.rpartition(":")[2]
        block_until(lambda: processes.accepts_connections("127.0.0.1", int(address)))
        block_until((self._folder / "shop.json").exists)

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(10)
            self._process = None

    @property
    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self._folder / "shop.json").read_text())
        return found

    def write(self, state: dict[str, Any]) -> None:
        (self._folder / "shop.json").write_text(json.dumps(state))

    def order(self, amount: str) -> str:
        answer = httpx.post(f"{self.url}/orders", json={"amount": amount}).json()
        assert answer["status"] == "open", answer
        name: str = answer["id"]
        return name

    def has_paid(self, order: str) -> bool:
        answer = httpx.get(f"{self.url}/orders/{order}").json()
        return bool(answer["status"] == "paid")


@pytest.fixture
def owner(api: Api) -> Iterator[Wallet]:
    """The owner of the shop."""
    [email] = register(api.settings, ["Shop Owner"])
    with signed_in(api.url, email) as wallet:
        yield wallet


@pytest.fixture
def shop(api: Api, owner: Wallet, package: Path) -> Iterator[Shop]:
    shutil.copy(SCRIPT, package)
    owner.confirm_session(PASSWORD)
    scopes = [Scope.READ_TRANSACTIONS, Scope.MANAGE_WEBHOOKS]
    created = owner.create_api_token("Shop", scopes)
    assert isinstance(created, ApiTokenCreated)
    shop = Shop(package, api.url, created.secret)
    yield shop
    shop.kill()


def _pass_time(settings: Settings, seconds: float) -> None:
    """As if so much time had passed since everything that has happened to webhooks."""
    columns = ("failing_since", "next_attempt_at", "leased_until")
    changes = ", ".join(f"{name} = {name} - make_interval(secs => {seconds})" for name in columns)
    with psycopg.connect(settings.database_url.get_secret_value()) as connection:
        connection.execute(f"UPDATE webhooks SET {changes}".encode())


def test_a_shop_that_was_offline_for_an_hour_processes_each_payment_once_and_in_order(
    api: Api,
    owner: Wallet,
    shop: Shop,
    wallet: Wallet,
    start_process: Callable[..., Child],  # noqa: F811
) -> None:
    start_process("relay", api.settings)
    start_process("worker", api.settings)
    wallet.add_balance(20)
    me = owner.viewer()
    assert me is not None

    def pay(amount: str, note: str) -> str:
        sent = wallet.send_money(me.user, amount, note=note)
        assert isinstance(sent, MoneySent)
        return sent.transaction.reference

    shop.start()
    # The service writes each with two decimals.
    orders = [shop.order(f"{number}.1") for number in range(1, 6)]
    references = [pay("1.10", orders[0])]
    block_until(lambda: shop.has_paid(orders[0]))

    shop.kill()
    references += [pay(f"{number}.10", orders[number - 1]) for number in range(2, 5)]
    references.append(pay("0.50", "for the coffee"))
    block_until(lambda: _failures(owner) > 0)
    _pass_time(api.settings, AN_HOUR)

    shop.start()
    block_until(lambda: shop.state["lastNumber"] == 5)
    references.append(pay("5.10", orders[4]))
    block_until(lambda: shop.has_paid(orders[4]))

    state = shop.state
    assert [state["orders"][name]["reference"] for name in orders] == [
        *references[:4],
        references[5],
    ]
    assert [one["reference"] for one in state["unmatched"]] == [references[4]]
    assert state["lastNumber"] == 6
    # An attempt is recorded after the shop has answered it.
    block_until(lambda: _delivered(owner) == {*range(1, 7)})

    # As if the service had been restored to a point before events that the shop has processed.
    shop.kill()
    shop.write({**state, "epoch": "the former", "lastNumber": 99})
    shop.start()
    late = shop.order("6.1")
    pay("6.10", late)
    block_until(lambda: shop.has_paid(late))
    now = shop.state
    assert (now["epoch"], now["lastNumber"]) == (owner.epoch(), 7)
    assert {**now["orders"], late: None} == {**state["orders"], late: None}
    assert now["unmatched"] == state["unmatched"]


def _delivered(owner: Wallet) -> set[int]:
    return {one["number"] for one in _attempts(owner) if one["responseStatus"] == 204}


def _attempts(owner: Wallet) -> list[dict[str, Any]]:
    [webhook] = owner.execute(ATTEMPTS)["viewer"]["webhooks"]
    found: list[dict[str, Any]] = webhook["attempts"]["nodes"]
    return found


def _failures(owner: Wallet) -> int:
    return sum(one["responseStatus"] != 204 for one in _attempts(owner))
