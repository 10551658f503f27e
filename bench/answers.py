"""Checks one answer of each kind completely; the load generator checks a few bytes of the others."""

from __future__ import annotations

import json
import secrets
import urllib.request
from pathlib import Path
from typing import Any

from bench.load import AMOUNT, KEY, RECIPIENT, Request

_MONEY = {"amount": str, "currency": str}
_READ = {
    "id": str, "email": str, "sequence": int, "user": {"id": str, "name": str}, "balance": _MONEY,
}  # fmt: skip
_SENT = {
    "__typename": str,
    "transaction": {
        "id": str, "reference": str, "sequence": int, "amount": _MONEY,
        "balanceAfter": {"amount": str}, "createdAt": str, "counterparty": {"id": str, "name": str},
    },
    "viewer": {"sequence": int, "balance": _MONEY},
    "replayed": bool,
}  # fmt: skip


def prove(name: str, url: str, tokens: Path, *, read: Request, send: Request) -> int:
    """Read, send and read again; returns the number of transfers, which is one.

    Raises RuntimeError unless the answers have all compared fields, and are consistent.
    """
    [one, other] = [line.split() for line in tokens.read_text().splitlines()[:2]]
    before = _ask(url, one[1], read, other[0])["viewer"]
    sent = _ask(url, one[1], send, other[0])["sendMoney"]
    after = _ask(url, one[1], read, other[0])["viewer"]
    found = (_shape(before), _shape(sent), _shape(after))
    if found != (_READ, _SENT, _READ):
        raise RuntimeError(f"{name} answers with other fields than those compared: {found}")
    agree = (
        not sent["replayed"]
        and sent["transaction"]["sequence"] == after["sequence"] == before["sequence"] + 1
        and sent["viewer"] == {key: after[key] for key in ("sequence", "balance")}
        and _minor(before) - _minor(after) == _minor({"balance": sent["transaction"]["amount"]})
    )
    if not agree:
        raise RuntimeError(f"{name} is inconsistent: {before}, then {sent}, then {after}")
    return 1


def _ask(url: str, token: str, request: Request, recipient: str) -> dict[str, Any]:
    body = json.dumps({"query": request.document, "variables": request.variables})
    filled = {RECIPIENT: recipient, AMOUNT: "1.23", KEY: f"looked-at-{secrets.token_hex(8)}"}
    for place, value in filled.items():
        body = body.replace(place, value)
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/graphql-response+json",
        "Authorization": f"Bearer {token}",
    }
    asked = urllib.request.Request(url, body.encode(), headers)
    with urllib.request.urlopen(asked, timeout=30) as answer:
        said: dict[str, Any] = json.load(answer)
    if "errors" in said or not said.get("data"):
        raise RuntimeError(f"{url} answered {said}")
    data: dict[str, Any] = said["data"]
    return data


def _shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _shape(each) for name, each in value.items()}
    return type(value)


def _minor(holder: dict[str, Any]) -> int:
    return int(holder["balance"]["amount"].replace(".", ""))
