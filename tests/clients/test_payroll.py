"""The payroll of the examples pays each line once, however often and wherever it is killed."""

from __future__ import annotations

import csv
import os
import random
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import mini_wallet_client as client
from app.commands import audit
from mini_wallet_client import Scope, Wallet
from settings import ROOT
from tests.app.conftest import ALPHA, PASSWORD, Api
from tests.clients.conftest import UV, build_wheel, run, signed_in
from tests.clients.people import register
from tests.clients.proxy import DROPPED, LOST, Proxy

SCRIPT = ROOT / "examples" / "payroll" / "payroll.py"
PEOPLE = 10


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with the client package and what that depends on, and with nothing else."""
    folder = tmp_path_factory.mktemp("payroll")
    wheel = build_wheel(folder)
    run(UV, "venv", "--quiet", "--python", sys.executable, folder / "venv")
    found = folder / "venv" / "bin" / "python"
    installing = [UV, "pip", "install", "--quiet", "--python", found, wheel]
    if subprocess.run(installing, capture_output=True, check=False).returncode != 0:
        # Where only pip is configured to reach packages, as dev/install.py allows for.
        run(sys.executable, "-m", "venv", "--clear", folder / "venv")
        run(found, "-m", "pip", "install", "--quiet", wheel)
    return found


@pytest.fixture
def secret(wallet: Wallet) -> str:
    """An API token of Alpha's that may send money and nothing else."""
    wallet.add_balance(1000)
    wallet.confirm_session(PASSWORD)
    created = wallet.create_api_token("Payroll", [Scope.SEND_MONEY], daily_limit=5000)
    assert isinstance(created, client.ApiTokenCreated)
    return created.secret


def _write(file: Path, lines: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    with file.open("w", newline="") as target:
        writer = csv.writer(target)
        writer.writerow(["payment", "email", "amount", "note"])
        writer.writerows([(*line, "Salary") for line in lines])
    return lines


def _received(api: Api, email: str) -> list[Decimal]:
    with signed_in(api.url, email) as wallet:
        return sorted(one.amount.amount for one in wallet.transactions())


class _Killing:
    """Kills the program as its n-th request arrives, which then reaches the service or does not."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self.process: subprocess.Popen[str] | None = None
        self.after = 0
        self.fate = LOST
        proxy.on_request = self._note

    def _note(self) -> str | None:
        self.after -= 1
        if self.after != 0 or self.process is None:
            return None
        self.process.kill()
        return self.fate


def test_a_payroll_that_is_killed_again_and_again_pays_each_line_once(
    api: Api, proxy: Proxy, python: Path, secret: str, tmp_path: Path
) -> None:
    emails = register(api.settings, [f"Payee {number}" for number in range(PEOPLE)])
    # The first has two payments, of the same amount.
    lines = [(f"p{number}", email, f"{number + 1}.10") for number, email in enumerate(emails)]
    lines = _write(tmp_path / "people.csv", [*lines, ("p0-again", emails[0], "1.10")])
    killing = _Killing(proxy)
    environment = {**os.environ, "WALLET_URL": proxy.url, "WALLET_TOKEN": secret}
    chance = random.Random(4)

    def start() -> subprocess.Popen[str]:
        command = [python, SCRIPT, "2026-11", tmp_path / "people.csv"]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)

    for _ in range(6):
        killing.after, killing.fate = chance.randint(1, len(lines)), chance.choice([LOST, DROPPED])
        killing.process = start()
        assert killing.process.wait(60) == -9
        assert killing.process.stdout is not None
        killing.process.stdout.close()
    killing.process = None
    for attempt in ("the rest", "nothing more"):
        with start() as process:
            said, _ = process.communicate(timeout=60)
        assert process.returncode == 0, said
        assert f"{len(lines)} of {len(lines)} payments are made." in said, attempt
    assert said.count("paid already") == len(lines)

    for email in emails:
        due = sorted(Decimal(amount) for _, other, amount in lines if other == email)
        assert _received(api, email) == due
    assert audit.audit(api.settings) == 0


def test_a_line_that_is_refused_does_not_stop_the_others_and_can_be_corrected(
    api: Api, python: Path, secret: str, tmp_path: Path
) -> None:
    [email] = register(api.settings, ["Corrected Payee"])
    file = tmp_path / "people.csv"
    environment = {**os.environ, "WALLET_URL": api.url, "WALLET_TOKEN": secret}

    def pay(lines: list[tuple[str, str, str]]) -> tuple[int, str]:
        _write(file, lines)
        command: list[Any] = [python, SCRIPT, "2026-12", file]
        finished = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False
        )
        return finished.returncode, finished.stdout + finished.stderr

    status, said = pay([("a", "nobody@example.com", "1"), ("b", email, "0.001"), ("c", email, "3")])
    assert status == 1
    assert "1 of 3 payments are made." in said
    assert pay([("a", ALPHA, "1"), ("b", email, "2"), ("c", email, "3")])[0] == 1
    status, said = pay([("b", email, "2"), ("c", email, "4")])
    assert "c: not paid." in said
    assert _received(api, email) == [2, 3]
    status, said = pay([("a", email, "1"), ("a", email, "1")])
    assert status == 1
    assert "a name of its own: a" in said
    status, said = pay([("d", email, "1"), ("e", email, "1,50")])
    assert (status, "e: '1,50' is not an amount" in said) == (1, True)
    assert _received(api, email) == [2, 3]
    environment["WALLET_TOKEN"] = "mw_unknown"
    status, said = pay([("f", email, "1")])
    assert (status, "Start again" in said) == (1, True)
