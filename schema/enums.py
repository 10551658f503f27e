"""Makes the domain's enumerations part of the API."""

import enum
from typing import TypeVar

import strawberry
from strawberry.types.enum import StrawberryEnumDefinition

Members = TypeVar("Members", bound=type[enum.Enum])


def described(members: Members, name: str, description: str, **descriptions: str) -> Members:
    """The same enumeration, known to GraphQL by that name, with a description for every member."""
    strawberry.enum(members, name=name, description=description)
    definition: StrawberryEnumDefinition = members.__strawberry_definition__  # type: ignore[attr-defined]
    for value in definition.values:
        value.description = descriptions[value.name]
    return members
