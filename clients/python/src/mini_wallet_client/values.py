"""Exact amounts, and the base types of what the API answers."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any, Self

_AMOUNT = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
#: What can be given as an amount: exact in every case.
Amount = Decimal | int | str


@dataclass(frozen=True, order=False)
class Money:
    """An amount in one currency, exact, with the currency's own number of decimals."""

    amount: Decimal
    currency: str

    @classmethod
    def parse(cls, data: Any) -> Self:
        """The object in an answer."""
        return cls(amount=Decimal(data["amount"]), currency=data["currency"])

    @property
    def minor_units(self) -> int:
        """The amount in the smallest unit of the currency: 1250 for 12.50 USD."""
        sign, digits, _ = self.amount.as_tuple()
        units = int("".join(map(str, digits)))
        return -units if sign else units

    def __str__(self) -> str:
        return f"{self.amount:f} {self.currency}"


class OpenEnum(StrEnum):
    """An enum that may have more values in a newer version of the service: those are kept as they are."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        unknown = str.__new__(cls, value)
        unknown._name_ = unknown._value_ = value
        return unknown


@dataclass(frozen=True, kw_only=True)
class UserError:
    """A refusal: a rule that the request broke, and that a person can do something about.

    Results have a subclass for each refusal that this version knows. Another one is a plain `UserError`,
    and `typename` says which.
    """

    typename: str
    """The type that the service named, which may be newer than this client."""
    message: str
    """A sentence that can be shown to a person."""

    @classmethod
    def parse(cls, data: Any) -> Self:
        """The object in an answer."""
        typename = data["__typename"]
        message = (
            data.get("message")
            or f"The service answered {typename}, which this client does not know."
        )
        return cls(typename=typename, message=message)


def new_key() -> str:
    """A new idempotency key. Store it before the first attempt, and repeat with it."""
    return secrets.token_urlsafe(24)


def require_address(url: str) -> None:
    """Raises ValueError for what is not the address of a service."""
    if not url.startswith(("https://", "http://")):
        raise ValueError(f"{url!r} is not an address such as 'https://wallet.example'.")


def require_token(token: str | None) -> None:
    """Raises ValueError for what no header can carry, without showing it."""
    if token is None:
        return
    if not token or " " in token or not (token.isascii() and token.isprintable()):
        raise ValueError(
            "This is not an API token: mw_ and letters, as createApiToken returned it."
        )


def to_json(value: Any) -> Any:
    """The value as JSON of the API: amounts as strings, instants with their offset.

    Fields of a filter that are None are left out. Raises TypeError for a float, which is not exact, and for an instant without a time zone.
    """
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, Decimal):
        return _decimal(value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise TypeError(f"{value!r} has no time zone: use datetime.now(UTC) or give one.")
        return value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        pairs = {_camel(field.name): getattr(value, field.name) for field in fields(value)}
        return to_json({name: one for name, one in pairs.items() if one is not None})
    if isinstance(value, Mapping):
        return {name: to_json(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(one) for one in value]
    raise TypeError(f"{value!r} cannot be sent: amounts are Decimal, int or str.")


def exact(amount: Amount) -> str:
    """An amount as the API takes it. Raises TypeError for a float, ValueError for other text."""
    if isinstance(amount, bool) or not isinstance(amount, Decimal | int | str):
        raise TypeError(f"{amount!r} is not exact: give a Decimal, an int or a string.")
    if isinstance(amount, Decimal):
        return _decimal(amount)
    if not _AMOUNT.fullmatch(str(amount)):
        raise ValueError(f"{amount!r} is not an amount: digits with at most one point, as '12.50'.")
    return str(amount)


def _decimal(value: Decimal) -> str:
    if not value.is_finite():
        raise TypeError(f"{value} is not an amount.")
    return f"{value:f}"


def _camel(name: str) -> str:
    first, *rest = name.rstrip("_").split("_")
    return first + "".join(word.capitalize() for word in rest)
