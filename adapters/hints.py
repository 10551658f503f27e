"""What a relay tells the processes that listen to a person: the hints, and how they are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from domain import accounts, transfers
from domain.events import Topic


@dataclass(frozen=True, slots=True)
class Posted:
    """A line of a person's book, and whom it names.

    Of the counterparty, a hint carries the id, the name and the address alone.
    """

    line: transfers.Line
    counterparty: accounts.Person | None


@dataclass(frozen=True, slots=True)
class CredentialsEnded:
    """Sessions or API tokens of a person that have ended."""

    credential_ids: Sequence[UUID]


Hint = Posted | CredentialsEnded


def encode(hint: Hint) -> bytes:
    """The hint as JSON."""
    if isinstance(hint, CredentialsEnded):
        fields: dict[str, object] = {
            "topic": Topic.CREDENTIALS_ENDED,
            "credential_ids": list(hint.credential_ids),
        }
    else:
        person = hint.counterparty
        fields = {
            "topic": Topic.TRANSACTION_POSTED,
            "line": hint.line,
            "counterparty": person
            and {"user_id": person.user_id, "name": person.name, "email": person.email},
        }
    # What orjson does not know of itself is a seal.
    return orjson.dumps(fields, default=bytes.hex)


def decode(data: bytes) -> Hint | None:
    """The hint again; None for what `encode` of this version did not write."""
    try:
        fields = orjson.loads(data)
        if fields["topic"] == Topic.TRANSACTION_POSTED:
            return Posted(_line(fields["line"]), _counterparty(fields["counterparty"]))
        return CredentialsEnded([UUID(text) for text in fields["credential_ids"]])
    except (ValueError, KeyError, TypeError):
        return None


def _line(fields: Mapping[str, Any]) -> transfers.Line:
    values = {
        **fields,
        "user_id": UUID(fields["user_id"]),
        "reference": UUID(fields["reference"]),
        "kind": transfers.Kind(fields["kind"]),
        "direction": transfers.Direction(fields["direction"]),
        "counterparty_id": _optional_id(fields["counterparty_id"]),
        "created_at": datetime.fromisoformat(fields["created_at"]),
        "api_token_id": _optional_id(fields["api_token_id"]),
        "seal": bytes.fromhex(fields["seal"]),
    }
    return transfers.Line(**values)


def _counterparty(fields: Mapping[str, Any] | None) -> accounts.Person | None:
    if fields is None:
        return None
    return accounts.Person(
        user_id=UUID(fields["user_id"]),
        name=fields["name"],
        email=fields["email"],
        email_verified_at=None,
        balance_minor=0,
        sequence=0,
    )


def _optional_id(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)
