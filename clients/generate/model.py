"""What the generator knows of the operations and their types, for both languages."""

from __future__ import annotations

from dataclasses import dataclass, field

from graphql import GraphQLEnumType

#: The interface of all refusals.
USER_ERROR = "UserError"


@dataclass(frozen=True)
class Type:
    """The type of a field: what it is called in the schema, and which kind of thing that is."""

    #: scalar, enum, object, union or input.
    kind: str
    #: A scalar or enum of the schema, or a model of ours.
    name: str
    is_nullable: bool = False
    #: For a list, the type of its items; `name` and `kind` are then theirs.
    item: Type | None = None


@dataclass(frozen=True)
class Field:
    """A field of a model or of an input."""

    name: str
    type: Type
    description: str
    #: Of an input: whether it can be left out.
    is_optional: bool = False


@dataclass(frozen=True)
class Model:
    """An object as one selection reads it, or an input."""

    name: str
    #: The type in the schema.
    typename: str
    description: str
    fields: tuple[Field, ...]
    #: The model of what is common to the members of an interface, which this one is a member of.
    base: str | None = None
    #: Of an input: whether exactly one of its fields has to be given.
    is_one_of: bool = False


@dataclass(frozen=True)
class Union:
    """A result with several members, which may grow."""

    name: str
    description: str
    #: Models.
    members: tuple[str, ...]
    #: The model that stands for members which this version does not know.
    unknown: str


@dataclass(frozen=True)
class Operation:
    """An operation, complete with all fragments, and the model of its answer."""

    name: str
    document: str
    #: The fields that lead to the answer proper, such as viewer, transactions.
    path: tuple[str, ...]
    result: Type
    variables: tuple[Field, ...]


@dataclass
class Reading:
    """All that was read."""

    models: dict[str, Model] = field(default_factory=dict)
    unions: dict[str, Union] = field(default_factory=dict)
    enums: dict[str, GraphQLEnumType] = field(default_factory=dict)
    inputs: dict[str, Model] = field(default_factory=dict)
    operations: list[Operation] = field(default_factory=list)
