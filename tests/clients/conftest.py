"""The client packages, built and installed, and a real service for them behind a faulty network."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from settings import ROOT
from tests.app.conftest import *  # noqa: F403
from tests.app.conftest import ALPHA, BETA, PASSWORD, Api
from tests.clients import driver
from tests.clients.proxy import Proxy

UV = Path(sys.executable).parent / "uv"
PYTHON_CLIENT = ROOT / "clients" / "python"
_folder = tempfile.TemporaryDirectory(prefix="mini wallet clients ")


def build_wheel(folder: Path) -> Path:
    """The wheel of the Python client, made in the folder as a release makes it."""
    run(UV, "build", "--quiet", "--offline", "--wheel", "--out-dir", folder, PYTHON_CLIENT)
    (wheel,) = folder.glob("*.whl")
    return wheel


def run(*command: str | Path, **options: Any) -> str:
    """Run a command; its output, which the test fails with if the command does."""
    finished = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, **options
    )
    assert finished.returncode == 0, f"{finished.stdout[-4000:]}\n{finished.stderr[-4000:]}"
    return finished.stdout


def _install_wheel() -> None:
    """What the tests import is the package, not its sources; its dependencies are ours too."""
    folder = Path(_folder.name)
    wheel = build_wheel(folder / "wheel")
    target = folder / "installed"
    run(UV, "pip", "install", "--quiet", "--offline", "--no-deps", "--target", target, wheel)
    sys.path.insert(0, str(target))


_install_wheel()

from mini_wallet_client import AsyncWallet, Retries, SignedIn, Wallet  # noqa: E402

#: Pauses that a test does not notice.
BRISK = Retries(first_pause_seconds=0.01, longest_pause_seconds=0.05, give_up_after_seconds=10)


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the TypeScript client as its only dependency."""
    return driver.install(tmp_path_factory.mktemp("typescript"))


@pytest.fixture
def proxy(api: Api) -> Iterator[Proxy]:
    """A network between client and service that a test can disturb."""
    proxy = Proxy(api.url)
    yield proxy
    proxy.stop()


@pytest.fixture
def wallet(proxy: Proxy) -> Iterator[Wallet]:
    """User Alpha, signed in, with balance."""
    with signed_in(proxy.url, ALPHA) as wallet:
        wallet.add_balance(10)
        yield wallet


@pytest.fixture
def beta(api: Api) -> Iterator[Wallet]:
    """User Beta, signed in, on an undisturbed network."""
    with signed_in(api.url, BETA) as wallet:
        yield wallet


def signed_in(url: str, email: str, **options: Any) -> Wallet:
    """A client of that user's own."""
    wallet = Wallet(url, retries=BRISK, **options)
    assert isinstance(wallet.login(email, PASSWORD), SignedIn)
    return wallet


@pytest.fixture
async def open_wallet(proxy: Proxy) -> Callable[..., AsyncWallet]:
    """Make asynchronous clients, to be closed by the test."""

    def make(**options: Any) -> AsyncWallet:
        return AsyncWallet(proxy.url, **{"retries": BRISK, **options})

    return make
