"""Reads the schema and the documents of the clients into the models that both languages need."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLType,
    GraphQLUnionType,
    InlineFragmentNode,
    NamedTypeNode,
    NameNode,
    NoUnusedFragmentsRule,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    VariableDefinitionNode,
    build_schema,
    is_input_type,
    is_required_input_field,
    parse,
    print_ast,
    specified_rules,
    type_from_ast,
    validate,
)

from clients.generate.model import USER_ERROR, Field, Model, Operation, Reading, Type, Union

_TYPENAME = FieldNode(name=NameNode(value="__typename"))


class Problem(Exception):
    """The documents cannot be generated from; the text says why."""


def read(schema_file: Path, documents: Path) -> Reading:
    """Read the schema and all documents of a folder. Raises Problem."""
    schema = build_schema(schema_file.read_text(encoding="utf-8"))
    text = "\n".join(
        file.read_text(encoding="utf-8") for file in sorted(documents.glob("*.graphql"))
    )
    return _Reader(schema, text).read()


class _Reader:
    def __init__(self, schema: GraphQLSchema, text: str) -> None:
        self._schema = schema
        document = parse(text, no_location=True)
        # Of the fragments, some are used only by the refusals that are added.
        rules = [rule for rule in specified_rules if rule is not NoUnusedFragmentsRule]
        if problems := validate(schema, document, rules):
            raise Problem("\n".join(str(problem) for problem in problems))
        self._fragments = {
            node.name.value: node
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        self._operations = [
            node for node in document.definitions if isinstance(node, OperationDefinitionNode)
        ]
        self._reading = Reading()

    def read(self) -> Reading:
        for name in self._fragments:
            self._fragment(name)
        for node in self._operations:
            self._operation(node)
        return self._reading

    # ------------------------------------------------ operations

    def _operation(self, node: OperationDefinitionNode) -> None:
        assert node.name is not None, "every operation has a name"
        name = node.name.value
        root = self._schema.get_root_type(node.operation)
        assert root is not None
        node = replace(node, selection_set=self._completed(node.selection_set, root))
        path, type_, selections = self._unwrap(node.selection_set, root)
        result = self._type(type_, selections)
        variables = tuple(self._variable(each) for each in node.variable_definitions or ())
        texts = [print_ast(node)]
        for used in self._used_fragments(node.selection_set):
            fragment = self._fragments[used]
            type_of = self._schema.type_map[fragment.type_condition.name.value]
            completed = self._completed(fragment.selection_set, type_of)
            texts.append(print_ast(replace(fragment, selection_set=completed)))
        self._reading.operations.append(
            Operation(name, "\n\n".join(texts), path, result, variables)
        )

    def _unwrap(
        self, selections: SelectionSetNode, type_: GraphQLNamedType
    ) -> tuple[tuple[str, ...], GraphQLOutputType, SelectionSetNode | None]:
        """Follow single fields of objects down to the answer proper."""
        path: tuple[str, ...] = ()
        while True:
            assert isinstance(type_, GraphQLObjectType)
            (node,) = selections.selections
            assert isinstance(node, FieldNode)
            path = (*path, node.name.value)
            of_field = type_.fields[node.name.value].type
            bare = of_field.of_type if isinstance(of_field, GraphQLNonNull) else of_field
            bare, inner = self._narrowed(bare, node.selection_set)
            is_step = isinstance(bare, GraphQLObjectType) and inner and len(inner.selections) == 1
            if not is_step or not inner or not isinstance(inner.selections[0], FieldNode):
                return path, of_field, inner
            assert isinstance(bare, GraphQLObjectType)
            selections, type_ = inner, bare

    def _narrowed(
        self, type_: GraphQLOutputType, selections: SelectionSetNode | None
    ) -> tuple[GraphQLOutputType, SelectionSetNode | None]:
        """Of an interface of which a single type is selected, such as a node: that type."""
        nodes = (
            [] if selections is None else [one for one in selections.selections if one != _TYPENAME]
        )
        if not isinstance(type_, GraphQLInterfaceType) or len(nodes) != 1:
            return type_, selections
        (node,) = nodes
        if not isinstance(node, InlineFragmentNode) or node.type_condition is None:
            return type_, selections
        narrowed = self._schema.type_map[node.type_condition.name.value]
        assert isinstance(narrowed, GraphQLObjectType)
        return narrowed, node.selection_set

    def _used_fragments(self, selections: SelectionSetNode) -> Iterator[str]:
        seen: list[str] = []

        def visit(found: SelectionSetNode | None) -> None:
            for node in found.selections if found else ():
                if isinstance(node, FragmentSpreadNode):
                    if node.name.value not in seen:
                        seen.append(node.name.value)
                        visit(self._fragments[node.name.value].selection_set)
                elif isinstance(node, FieldNode | InlineFragmentNode):
                    visit(node.selection_set)

        visit(selections)
        return iter(seen)

    # ------------------------------------------------ what the documents leave to us

    def _completed(self, found: SelectionSetNode, type_: GraphQLNamedType) -> SelectionSetNode:
        """The selections with `__typename` and all refusals where a result can be several types."""
        nodes = [self._completed_node(node, type_) for node in found.selections]
        if isinstance(type_, GraphQLUnionType):
            nodes += self._refusals(type_, nodes)
        is_open = isinstance(type_, GraphQLUnionType)
        is_open |= isinstance(type_, GraphQLInterfaceType) and type_.name != USER_ERROR
        return SelectionSetNode(selections=(*((_TYPENAME,) if is_open else ()), *nodes))

    def _completed_node(self, node: SelectionNode, type_: GraphQLNamedType) -> SelectionNode:
        if isinstance(node, FieldNode) and node.selection_set:
            assert isinstance(type_, GraphQLObjectType | GraphQLInterfaceType)
            inner = self._bare(type_.fields[node.name.value].type)
            return replace(node, selection_set=self._completed(node.selection_set, inner))
        if isinstance(node, InlineFragmentNode):
            assert node.type_condition is not None
            inner = self._schema.type_map[node.type_condition.name.value]
            return replace(node, selection_set=self._completed(node.selection_set, inner))
        return node

    def _refusals(
        self, union: GraphQLUnionType, given: list[SelectionNode]
    ) -> Iterator[InlineFragmentNode]:
        """A fragment for each refusal of a union that has more to say than its message."""
        named = {
            node.type_condition.name.value
            for node in given
            if isinstance(node, InlineFragmentNode) and node.type_condition
        }
        for member in union.types:
            if member.name in named or not self._is_refusal(member):
                continue
            fields = self._selectable(member)
            if fields:
                yield InlineFragmentNode(
                    type_condition=NamedTypeNode(name=NameNode(value=member.name)),
                    selection_set=SelectionSetNode(selections=tuple(fields)),
                )

    def _selectable(self, member: GraphQLObjectType) -> list[FieldNode]:
        """The fields of a refusal beside its message: those whose type is a leaf or has a fragment."""
        fields = []
        for name, defined in member.fields.items():
            bare = self._bare(defined.type)
            spread = None
            if isinstance(bare, GraphQLObjectType):
                if bare.name not in self._fragments:
                    continue
                spread = SelectionSetNode(
                    selections=(FragmentSpreadNode(name=NameNode(value=bare.name)),)
                )
            if name != "message":
                fields.append(FieldNode(name=NameNode(value=name), selection_set=spread))
        return fields

    def _is_refusal(self, type_: GraphQLNamedType) -> bool:
        return isinstance(type_, GraphQLObjectType) and USER_ERROR in {
            interface.name for interface in type_.interfaces
        }

    # ------------------------------------------------ models

    def _fragment(self, name: str) -> None:
        node = self._fragments[name]
        type_ = self._schema.type_map[node.type_condition.name.value]
        assert isinstance(type_, GraphQLObjectType), f"fragment {name} is not on an object type"
        self._model(name, type_, self._completed(node.selection_set, type_))

    def _model(
        self,
        name: str,
        type_: GraphQLObjectType | GraphQLInterfaceType,
        selections: SelectionSetNode,
        base: str | None = None,
    ) -> None:
        fields = []
        for node in selections.selections:
            if not isinstance(node, FieldNode) or node.name.value.startswith("__"):
                continue
            defined = type_.fields[node.name.value]
            fields.append(
                Field(
                    node.name.value,
                    self._type(defined.type, node.selection_set),
                    _sentences(defined.description),
                )
            )
        model = Model(name, type_.name, _sentences(type_.description), tuple(fields), base)
        if self._reading.models.setdefault(name, model) != model:
            raise Problem(
                f"{name} is selected in two ways: give one of them a fragment with a name."
            )

    def _type(self, type_: GraphQLType, selections: SelectionSetNode | None) -> Type:
        if isinstance(type_, GraphQLNonNull):
            return self._not_null(type_.of_type, selections)
        return replace(self._not_null(type_, selections), is_nullable=True)

    def _not_null(self, type_: GraphQLType, selections: SelectionSetNode | None) -> Type:
        if isinstance(type_, GraphQLList):
            item = self._type(type_.of_type, selections)
            return Type(item.kind, item.name, item=item)
        if isinstance(type_, GraphQLScalarType):
            return Type("scalar", type_.name)
        if isinstance(type_, GraphQLEnumType):
            self._reading.enums[type_.name] = type_
            return Type("enum", type_.name)
        assert selections is not None
        if isinstance(type_, GraphQLInterfaceType) and type_.name == USER_ERROR:
            return Type("object", USER_ERROR)
        if isinstance(type_, GraphQLUnionType | GraphQLInterfaceType):
            return Type("union", self._union(type_, selections))
        assert isinstance(type_, GraphQLObjectType)
        spreads = [node for node in selections.selections if isinstance(node, FragmentSpreadNode)]
        if spreads:
            if len(selections.selections) > 1:
                raise Problem(f"A selection of {type_.name} has a fragment and more: use one.")
            return Type("object", spreads[0].name.value)
        self._model(type_.name, type_, selections)
        return Type("object", type_.name)

    def _union(
        self, type_: GraphQLUnionType | GraphQLInterfaceType, selections: SelectionSetNode
    ) -> str:
        common = [node for node in selections.selections if isinstance(node, FieldNode)]
        inline = {
            node.type_condition.name.value: node.selection_set.selections
            for node in selections.selections
            if isinstance(node, InlineFragmentNode) and node.type_condition
        }
        is_interface = isinstance(type_, GraphQLInterfaceType)
        unknown = type_.name if is_interface else USER_ERROR
        if isinstance(type_, GraphQLInterfaceType):
            self._model(unknown, type_, SelectionSetNode(selections=tuple(common)))
        members = []
        for member in self._schema.get_possible_types(type_):
            is_refusal = self._is_refusal(member)
            own = inline.get(member.name, ())
            if not own and not is_refusal:
                continue
            base = unknown if is_interface or is_refusal else None
            shared = inline.get(USER_ERROR, ()) if is_refusal else common
            self._model(member.name, member, SelectionSetNode(selections=(*shared, *own)), base)
            members.append(member.name)
        union = Union(
            type_.name if not is_interface else f"Any{type_.name}",
            _sentences(type_.description),
            tuple(members),
            unknown,
        )
        self._reading.unions[union.name] = union
        return union.name

    # ------------------------------------------------ inputs

    def _variable(self, node: VariableDefinitionNode) -> Field:
        type_ = type_from_ast(self._schema, node.type)
        assert is_input_type(type_), "the documents are valid"
        self._input(self._bare(type_))
        is_optional = not isinstance(type_, GraphQLNonNull) or node.default_value is not None
        return Field(node.variable.name.value, _input_type(type_), "", is_optional)

    def _input(self, type_: GraphQLNamedType) -> None:
        if isinstance(type_, GraphQLEnumType):
            self._reading.enums[type_.name] = type_
        if not isinstance(type_, GraphQLInputObjectType) or type_.name in self._reading.inputs:
            return
        fields = []
        for name, defined in type_.fields.items():
            self._input(self._bare(defined.type))
            is_optional = not is_required_input_field(defined)
            fields.append(
                Field(name, _input_type(defined.type), _sentences(defined.description), is_optional)
            )
        self._reading.inputs[type_.name] = Model(
            type_.name,
            type_.name,
            _sentences(type_.description),
            tuple(fields),
            is_one_of=type_.is_one_of,
        )

    def _bare(self, type_: GraphQLType) -> GraphQLNamedType:
        while isinstance(type_, GraphQLNonNull | GraphQLList):
            type_ = type_.of_type
        assert isinstance(type_, GraphQLNamedType)
        return type_


def _input_type(type_: GraphQLInputType) -> Type:
    if isinstance(type_, GraphQLNonNull):
        return replace(_input_type(type_.of_type), is_nullable=False)
    if isinstance(type_, GraphQLList):
        item = _input_type(type_.of_type)
        return Type(item.kind, item.name, is_nullable=True, item=item)
    kinds = {GraphQLInputObjectType: "input", GraphQLEnumType: "enum", GraphQLScalarType: "scalar"}
    return Type(kinds[type(type_)], type_.name, is_nullable=True)


def _sentences(text: str | None) -> str:
    return re.sub(r"\s+", " ", text or "").strip()
