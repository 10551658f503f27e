"""Links to the sections of the reference: one for each operation, type, field, argument and value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLType,
)
from markupsafe import Markup, escape


class Links:
    """Where things of one schema are described. A section's id is its schema coordinate."""

    def __init__(self, schema: GraphQLSchema) -> None:
        roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
        self.roots = {root.name: root for root in roots if root is not None}
        self.types: dict[str, GraphQLNamedType] = {
            name: type_
            for name, type_ in schema.type_map.items()
            if not name.startswith("__") and name not in self.roots
        }
        #: By what a text calls it: a type, an operation, `Type.field`, a value that one enum has.
        self._ids = {name: name for name in self.types}
        self._ids |= {place: place for place in _members(schema)}
        for name, root in self.roots.items():
            self._ids |= {field: f"{name}.{field}" for field in root.fields}
        self._ids |= _values_of_one_enum(schema)

    def id_of(self, name: str, within: str = "") -> str | None:
        """The id of the section about what a text calls by that name; a text of the type `within`
        may mean one of its own fields.
        """
        return self._ids.get(f"{within}.{name}") or self._ids.get(name)

    def type(self, type_: GraphQLType) -> Markup:
        """A type as a signature writes it, with its name linked."""
        if isinstance(type_, GraphQLNonNull):
            return self.type(type_.of_type) + "!"
        if isinstance(type_, GraphQLList):
            return Markup("[{}]").format(self.type(type_.of_type))
        assert isinstance(type_, GraphQLNamedType)
        return self.name(type_.name)

    def name(self, name: str, within: str = "") -> Markup:
        """The name, linked if it has a section."""
        found = self.id_of(name, within)
        if found is None:
            return escape(name)
        return Markup('<a href="#{}">{}</a>').format(found, name)


def _members(schema: GraphQLSchema) -> Iterator[str]:
    for name, type_ in schema.type_map.items():
        if name.startswith("__"):
            continue
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            yield from (f"{name}.{field}" for field in type_.fields)
        elif isinstance(type_, GraphQLEnumType):
            yield from (f"{name}.{value}" for value in type_.values)


def _values_of_one_enum(schema: GraphQLSchema) -> dict[str, str]:
    enums = [type_ for type_ in schema.type_map.values() if isinstance(type_, GraphQLEnumType)]
    named = Counter(value for enum in enums for value in enum.values)
    return {
        value: f"{enum.name}.{value}"
        for enum in enums
        for value in enum.values
        if named[value] == 1 and not enum.name.startswith("__")
    }
