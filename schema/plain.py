"""Values of the API's types as JSON, for output that is not a GraphQL response."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from functools import cache
from operator import attrgetter
from typing import Any

from strawberry.schema.config import StrawberryConfig
from strawberry.types import get_object_definition
from strawberry.types.field import StrawberryField

from schema.scalars import SCALARS

_CONVERTER = StrawberryConfig().name_converter


def as_json(value: Any) -> Any:
    """The value as in a response to a document that selects every field that needs only the value.

    Those that take arguments, or read from the service, are left out.
    """
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
        return {name: as_json(read(value)) for name, read in fields}
    return value


@cache
def _fields(kind: type[object]) -> Sequence[tuple[str, Callable[[Any], Any]]] | None:
    """The names of a GraphQL type's fields, and how they are read; None for any other type."""
    definition = get_object_definition(kind)
    if definition is None:
        return None
    readers = ((field, _reader(field)) for field in definition.fields)
    return [(_CONVERTER.from_field(field), read) for field, read in readers if read is not None]


def _reader(field: StrawberryField) -> Callable[[Any], Any] | None:
    """What reads the field of a value; None if that takes more than the value."""
    resolver = field.base_resolver
    if resolver is None:
        return attrgetter(field.python_name)
    if resolver.is_async or resolver.arguments or resolver.info_parameter is not None:
        return None
    return resolver
