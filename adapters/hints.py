"""What a relay tells the processes that listen to a person: the hints, and how they are written."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from domain import transfers
from domain.events import Topic


@dataclass(frozen=True, slots=True)
class Counterparty:
    """The other person of a transfer, as far as it is shown."""

    user_id: UUID
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Posted:
    """A line of a person's book, and whom it is about."""

    line: transfers.Line
    counterparty: Counterparty | None


@dataclass(frozen=True, slots=True)
class CredentialsEnded:
    """Sessions or API tokens of a person that have ended."""

    credential_ids: Sequence[UUID]


Hint = Posted | CredentialsEnded


def encode(hint: Hint) -> bytes:
    """The hint as JSON."""
    topic = Topic.TRANSACTION_POSTED if isinstance(hint, Posted) else Topic.CREDENTIALS_ENDED
    return orjson.dumps({"topic": topic, **dataclasses.asdict(hint)})


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
    }
    return transfers.Line(**values)


def _counterparty(fields: Mapping[str, Any] | None) -> Counterparty | None:
    if fields is None:
        return None
    return Counterparty(UUID(fields["user_id"]), fields["name"], fields["email"])


def _optional_id(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)
