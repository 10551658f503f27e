"""The generated files of the clients are those of the schema, and newer services do not break them."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

from clients.generate.__main__ import generated
from mini_wallet_client import models
from settings import ROOT
from tests.clients.conftest import PYTHON_CLIENT, UV, run

TRANSACTION = {
    "id": "T1",
    "reference": "R1",
    "sequence": 7,
    "kind": "CASHBACK",
    "direction": "INCOMING",
    "amount": {"amount": "12.50", "currency": "USD"},
    "fee": {"amount": "0.00", "currency": "USD"},
    "counterparty": None,
    "note": None,
    "metadata": [],
    "balanceAfter": {"amount": "12.50", "currency": "USD"},
    "createdAt": "2026-11-22T08:30:00.123456Z",
    "seal": "S",
    "reverses": None,
}


def test_the_generated_files_are_those_of_the_schema_and_the_documents() -> None:
    stale = [
        path.relative_to(ROOT).as_posix()
        for path, text in generated().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    assert not stale, f"{stale}: write them with `.venv/bin/python -m clients.generate`"


def test_the_package_contains_what_it_needs_and_no_more(tmp_path: Path) -> None:
    build = [UV, "build", "--quiet", "--offline", "--out-dir", tmp_path, PYTHON_CLIENT]
    run(*build)
    (wheel,), (source,) = tmp_path.glob("*.whl"), tmp_path.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as found:
        names = {name.partition("/")[2] for name in found.namelist()}
    assert {"py.typed", "models.py", "licenses/LICENSE"} <= names
    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", "README.md", "pyproject.toml"} <= names
    assert not [name for name in names if "test" in name or "generate/" in name]


def test_a_refusal_that_is_newer_than_the_client_is_a_refusal_with_its_message() -> None:
    data = {"__typename": "AccountFrozen", "message": "The account is frozen.", "since": "today"}
    refused = models.parse_send_money_result(data)
    assert type(refused) is models.UserError
    assert (refused.typename, refused.message) == ("AccountFrozen", "The account is frozen.")
    silent = models.parse_send_money_result({"__typename": "MoneyQueued"})
    assert type(silent) is models.UserError
    assert "MoneyQueued" in silent.message


def test_an_enum_value_that_is_newer_than_the_client_is_kept() -> None:
    transaction = models.Transaction.parse(TRANSACTION)
    assert transaction.kind == "CASHBACK"
    assert isinstance(transaction.kind, models.TransactionKind)
    assert transaction.kind not in tuple(models.TransactionKind)
    assert transaction.direction is models.TransactionDirection.INCOMING


def test_an_event_that_is_newer_than_the_client_is_an_event_with_its_number() -> None:
    data = {"__typename": "HandleChanged", "sequence": 8, "balance": TRANSACTION["amount"]}
    event = models.parse_any_wallet_event(data)
    assert type(event) is models.WalletEvent
    assert (event.typename, event.sequence, event.balance.minor_units) == ("HandleChanged", 8, 1250)
