"""The custom scalars of the API: exact decimals, instants and calendar dates."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NewType

import graphql
import strawberry
from graphql import FloatValueNode, GraphQLError, IntValueNode, StringValueNode, ValueNode
from strawberry.types.scalar import ScalarDefinition

from domain import text

#: A JSON object: a dictionary with strings as keys.
JSON = NewType("JSON", dict[str, Any])

_PLAIN = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)")
_QUOTES = 'A Decimal is never a float, which would not be exact: put it in quotes, such as "12.50".'
_NOT_DECIMAL = 'A Decimal is a string or an integer of plain digits with an optional sign and point, such as "12.50".'

_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
    r"(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_NOT_INSTANT = (
    'A DateTime is RFC 3339 text with its offset from UTC, such as "2026-11-22T08:30:00.123456Z".'
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NOT_DATE = 'A Date is text such as "2026-11-30": year, month and day.'


def parse_decimal(value: object) -> Decimal:
    """The number in a variable. Raises GraphQLError for a float, and for anything but plain digits."""
    if isinstance(value, float):
        raise GraphQLError(_QUOTES)
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return Decimal(value)
    raise GraphQLError(_NOT_DECIMAL)


def parse_decimal_literal(node: ValueNode, _variables: dict[str, Any] | None = None) -> Decimal:
    """The number in a document. Raises GraphQLError as `parse_decimal` does."""
    if isinstance(node, FloatValueNode):
        raise GraphQLError(_QUOTES, node)
    if isinstance(node, IntValueNode | StringValueNode) and _PLAIN.fullmatch(node.value):
        return Decimal(node.value)
    raise GraphQLError(_NOT_DECIMAL, node)


def parse_instant(value: object) -> datetime:
    """The instant in a variable, in UTC. Raises GraphQLError for anything but RFC 3339 with an offset."""
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        try:
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise GraphQLError(_NOT_INSTANT)


def parse_instant_literal(node: ValueNode, _variables: dict[str, Any] | None = None) -> datetime:
    """The instant in a document. Raises GraphQLError as `parse_instant` does."""
    if not isinstance(node, StringValueNode):
        raise GraphQLError(_NOT_INSTANT, node)
    return parse_instant(node.value)


def parse_date(value: object) -> date:
    """The date in a variable. Raises GraphQLError for anything but an existing YYYY-MM-DD."""
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise GraphQLError(_NOT_DATE)


def parse_date_literal(node: ValueNode, _variables: dict[str, Any] | None = None) -> date:
    """The date in a document. Raises GraphQLError as `parse_date` does."""
    if not isinstance(node, StringValueNode):
        raise GraphQLError(_NOT_DATE, node)
    return parse_date(node.value)


def parse_json(value: object) -> dict[str, Any]:
    """The object in a variable. Raises GraphQLError for any other value."""
    if isinstance(value, dict):
        return value
    raise GraphQLError("A JSON value is an object here.")


def parse_json_literal(node: ValueNode, variables: dict[str, Any] | None = None) -> dict[str, Any]:
    """The object in a document. Raises GraphQLError as `parse_json` does."""
    return parse_json(graphql.value_from_ast_untyped(node, variables))


def serialise_decimal(value: Decimal) -> str:
    """In plain digits, without an exponent."""
    # In a third of the time where there is none.
    if type(value) is Decimal and "E" not in (plain := str(value)):
        return plain
    return f"{value:f}"


#: For `StrawberryConfig.scalar_map`.
SCALARS: dict[object, ScalarDefinition] = {
    JSON: strawberry.scalar(
        name="JSON",
        description=(
            "A JSON object whose format is defined by the specification named in the field's "
            "description."
        ),
        serialize=dict,
        parse_value=parse_json,
        parse_literal=parse_json_literal,
    ),
    Decimal: strawberry.scalar(
        name="Decimal",
        description=(
            'An exact decimal number: always a string such as "12.50" in responses, never a float. '
            "As input a string or an integer of plain digits."
        ),
        serialize=serialise_decimal,
        parse_value=parse_decimal,
        parse_literal=parse_decimal_literal,
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description='An instant in UTC, RFC 3339, such as "2026-11-22T08:30:00.123456Z".',
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=text.rfc3339,
        parse_value=parse_instant,
        parse_literal=parse_instant_literal,
    ),
    date: strawberry.scalar(
        name="Date",
        description='A calendar date, such as "2026-11-30".',
        serialize=date.isoformat,
        parse_value=parse_date,
        parse_literal=parse_date_literal,
    ),
}
