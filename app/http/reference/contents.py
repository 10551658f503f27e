"""The contents of the reference, from the schema: operations with examples, and types."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_input_object_type,
    is_specified_scalar_type,
    print_ast,
)
from markupsafe import Markup

from app.http.reference.examples import Example
from app.http.reference.links import Links
from app.http.reference.prose import Prose, code

#: In this order: what a section is called, and which types it has.
KINDS: dict[str, type[GraphQLNamedType]] = {
    "Objects": GraphQLObjectType,
    "Interfaces": GraphQLInterfaceType,
    "Unions": GraphQLUnionType,
    "Inputs": GraphQLInputObjectType,
    "Enums": GraphQLEnumType,
    "Scalars": GraphQLScalarType,
}
_ROOTS = {"query": "Queries", "mutation": "Mutations", "subscription": "Subscriptions"}
#: How many places that use a type are named.
_MOST_USES = 12


@dataclass(frozen=True, slots=True)
class Member:
    """A field, an argument, a value of an enum, or a member of a union."""

    id: str
    name: str
    type: Markup
    description: Markup
    default: str = ""
    deprecated: Markup | None = None
    arguments: list[Member] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Operation:
    """A root field."""

    id: str
    name: str
    description: Markup
    signature: Markup
    #: The arguments, or the fields of the only one if that is `input`.
    arguments_title: str
    arguments: list[Member]
    #: The members of the union that it returns, if it is one.
    results: list[Member]
    deprecated: Markup | None
    document: Markup | None
    variables: Markup | None


@dataclass(frozen=True, slots=True)
class Type:
    """A named type."""

    id: str
    description: Markup
    members: list[Member]
    interfaces: list[Markup]
    is_one_of: bool
    #: Links to what refers to it, and how many more do.
    uses: list[Markup]
    more_uses: int


class Contents:
    """Everything that the page shows of a schema."""

    def __init__(
        self, schema: GraphQLSchema, links: Links, prose: Prose, examples: Mapping[str, Example]
    ) -> None:
        self._links = links
        self._prose = prose
        self._examples = examples
        self._uses = _uses(links)
        roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
        self.operations = {
            title: [self._operation(root, name, each) for name, each in root.fields.items()]
            for title, root in zip(_ROOTS.values(), roots, strict=True)
            if root is not None
        }
        self.types = {
            kind: [
                self._type(type_)
                for _, type_ in sorted(links.types.items())
                if isinstance(type_, wanted)
            ]
            for kind, wanted in KINDS.items()
        }

    def _operation(self, root: GraphQLObjectType, name: str, root_field: GraphQLField) -> Operation:
        returned = get_named_type(root_field.type)
        members = returned.types if isinstance(returned, GraphQLUnionType) else ()
        example = self._examples.get(name)
        return Operation(
            id=f"{root.name}.{name}",
            name=name,
            description=self._prose.block(root_field.description),
            signature=self._signature(name, root_field),
            arguments_title="Input" if _takes_input(root_field) else "Arguments",
            arguments=self._inputs(root_field),
            results=[self._member_of_union(member) for member in members],
            deprecated=self._deprecated(root_field),
            document=code(example.document, "graphql") if example else None,
            variables=code(example.variables, "json") if example and example.variables else None,
        )

    def _inputs(self, root_field: GraphQLField) -> list[Member]:
        if _takes_input(root_field):
            given = get_named_type(root_field.args["input"].type)
            assert isinstance(given, GraphQLInputObjectType)
            fields = given.fields.items()
            return [self._member(name, each, given.name, False) for name, each in fields]
        return [self._member(name, each) for name, each in root_field.args.items()]

    def _signature(self, name: str, root_field: GraphQLField) -> Markup:
        arguments = [
            Markup("{}: {}{}").format(each, self._links.type(arg.type), _default(arg))
            for each, arg in root_field.args.items()
        ]
        inside = Markup("\n  ").join(["", *arguments]) + "\n" if len(arguments) > 1 else arguments
        listed = inside if isinstance(inside, str) else Markup(", ").join(inside)
        given = Markup("({})").format(listed) if arguments else ""
        returned = self._links.type(root_field.type)
        return Markup("<b>{}</b>{}: {}").format(name, given, returned)

    def _type(self, type_: GraphQLNamedType) -> Type:
        uses = self._uses.get(type_.name, [])
        shown = [] if is_specified_scalar_type(type_) else uses
        return Type(
            id=type_.name,
            description=self._prose.block(type_.description, type_.name),
            members=[*self._members(type_)],
            interfaces=[self._links.name(each.name) for each in getattr(type_, "interfaces", ())],
            is_one_of=isinstance(type_, GraphQLInputObjectType) and type_.is_one_of,
            uses=[self._use(place) for place in shown[:_MOST_USES]],
            more_uses=max(0, len(shown) - _MOST_USES),
        )

    def _members(self, type_: GraphQLNamedType) -> Iterator[Member]:
        if isinstance(type_, GraphQLEnumType):
            for name, value in type_.values.items():
                about = self._prose.inline(value.description, type_.name)
                deprecated = self._deprecated(value)
                id_ = f"{type_.name}.{name}"
                yield Member(id_, name, Markup(""), about, deprecated=deprecated)
        elif isinstance(type_, GraphQLUnionType):
            yield from (self._member_of_union(member) for member in type_.types)
        elif isinstance(type_, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            for name, each in type_.fields.items():
                yield self._member(name, each, type_.name)

    def _member(
        self,
        name: str,
        element: GraphQLField | GraphQLArgument | GraphQLInputField,
        within: str = "",
        is_main: bool = True,
    ) -> Member:
        """A field has an id where it is shown with its type, and none where it is shown again."""
        arguments = element.args if isinstance(element, GraphQLField) else {}
        return Member(
            id=f"{within}.{name}" if within and is_main else "",
            name=name,
            type=self._links.type(element.type),
            description=self._prose.inline(element.description, within),
            default="" if isinstance(element, GraphQLField) else _default(element),
            deprecated=self._deprecated(element),
            arguments=[self._member(each, argument) for each, argument in arguments.items()],
        )

    def _member_of_union(self, member: GraphQLObjectType) -> Member:
        name = self._links.name(member.name)
        return Member("", member.name, name, self._prose.inline(member.description))

    def _deprecated(self, element: Any) -> Markup | None:
        reason: str | None = element.deprecation_reason
        return None if reason is None else self._prose.inline(reason)

    def _use(self, place: str) -> Markup:
        owner, _, name = place.partition(".")
        target = place if self._links.id_of(place) else owner
        shown = name if owner in self._links.roots else place
        return Markup('<a href="#{}">{}</a>').format(target, shown)


def _takes_input(root_field: GraphQLField) -> bool:
    return [*root_field.args] == ["input"] and is_input_object_type(
        get_named_type(root_field.args["input"].type)
    )


def _default(element: GraphQLArgument | GraphQLInputField) -> str:
    literal = element.default.literal if element.default else None
    return f" = {print_ast(literal)}" if literal else ""


def _uses(links: Links) -> dict[str, list[str]]:
    """By type: the fields and arguments that have it, and the types that it belongs to."""
    found: dict[str, dict[str, None]] = {}

    def note(name: str, place: str) -> None:
        found.setdefault(name, {})[place] = None

    for name, type_ in _operations_first(links):
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for field_name, each in type_.fields.items():
                taken = (argument.type for argument in each.args.values())
                for used in (each.type, *taken):
                    note(get_named_type(used).name, f"{name}.{field_name}")
            for interface in type_.interfaces:
                note(interface.name, name)
        elif isinstance(type_, GraphQLInputObjectType):
            for field_name, input_field in type_.fields.items():
                note(get_named_type(input_field.type).name, f"{name}.{field_name}")
        elif isinstance(type_, GraphQLUnionType):
            for member in type_.types:
                note(member.name, name)
    return {name: [*places] for name, places in found.items()}


def _operations_first(links: Links) -> Iterable[tuple[str, GraphQLNamedType]]:
    return [*links.roots.items(), *sorted(links.types.items())]
