"""Adds enumerations of the domain to the API."""

import enum
from typing import TypeVar

import strawberry
from strawberry.types.enum import StrawberryEnumDefinition

Members = TypeVar("Members", bound=type[enum.Enum])


def described(members: Members, name: str, description: str, **descriptions: str) -> Members:
    """Add the enumeration to the API with that name and a description of each member; returns it."""
    strawberry.enum(members, name=name, description=description)
    definition: StrawberryEnumDefinition = members.__strawberry_definition__  # type: ignore[attr-defined]
    for value in definition.values:
        value.description = descriptions[value.name]
    return members
