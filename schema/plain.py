"""Values of the API's types as JSON, for output that is not a GraphQL response."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from functools import cache
from typing import Any

from strawberry.schema.config import StrawberryConfig
from strawberry.types import get_object_definition

from schema.scalars import SCALARS

_CONVERTER = StrawberryConfig().name_converter


def as_json(value: Any) -> Any:
    """The value as in a response to a document that selects every field without a resolver."""
    kind: type[object] = type(value)
    if kind in SCALARS:
        serialize = SCALARS[kind].serialize
        assert serialize is not None
        return serialize(value)
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    if (fields := _fields(kind)) is not None:  # type: ignore[arg-type]
        return {name: as_json(getattr(value, attribute)) for name, attribute in fields}
    return value


@cache
def _fields(kind: type[object]) -> Sequence[tuple[str, str]] | None:
    """The names and attributes of a GraphQL type's plain fields; None for any other type."""
    definition = get_object_definition(kind)
    if definition is None:
        return None
    return [
        (_CONVERTER.from_field(field), field.python_name)
        for field in definition.fields
        if field.base_resolver is None
    ]
