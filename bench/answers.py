"""Checks one answer of each kind completely; the load generator checks a few bytes of the others."""

from __future__ import annotations

import json
import secrets
import urllib.request
from dataclasses import replace
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
_PAST = {
    "id": str, "reference": str, "sequence": int, "kind": str, "direction": str, "amount": _MONEY,
    "fee": {"amount": str}, "counterparty": {"id": str, "name": str}, "note": type(None),
    "balanceAfter": {"amount": str}, "createdAt": str,
}  # fmt: skip
_PAGE = {
    "edges": [{"cursor": str, "node": _PAST}] * 20,
    "pageInfo": {"hasNextPage": bool, "endCursor": str},
}


def prove(name: str, url: str, tokens: Path, *, read: Request, page: Request, send: Request) -> int:
    """Read, send and read again, then two pages; returns the number of transfers, which is one.

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
    _prove_pages(name, url, one[1], page, after["sequence"])
    return 1


def _prove_pages(name: str, url: str, token: str, page: Request, newest: int) -> None:
    first = _ask(url, token, page)["viewer"]["transactions"]
    if _shape(first) != _PAGE:
        raise RuntimeError(f"{name} answers with another page than those compared: {first}")
    rest = replace(page, variables={"after": first["pageInfo"]["endCursor"]})
    second = _ask(url, token, rest)["viewer"]["transactions"]
    edges = [*first["edges"], *second["edges"]]
    sequences = [edge["node"]["sequence"] for edge in edges]
    if sequences != list(range(newest, newest - len(edges), -1)) or not second["edges"]:
        raise RuntimeError(f"{name} has pages that do not continue: {sequences} from {newest}")


def _ask(url: str, token: str, request: Request, recipient: str = "") -> dict[str, Any]:
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
    if isinstance(value, list):
        return [_shape(each) for each in value]
    return type(value)


def _minor(holder: dict[str, Any]) -> int:
    return int(holder["balance"]["amount"].replace(".", ""))
