"""The client's GraphQL documents, held against the schema that is served."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from graphql import (
    DefinitionNode,
    DocumentNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    NoUnusedFragmentsRule,
    Visitor,
    build_schema,
    parse,
    specified_rules,
    validate,
    visit,
)

from dev.up import building
from settings import ROOT

SOURCES = building.CLIENT / "src"
DOCUMENT = re.compile(r"\bgraphql\(\s*`([^`]*)`")


def documents() -> Iterator[tuple[str, DefinitionNode]]:
    for file in sorted(SOURCES.rglob("*")):
        if file.suffix in (".ts", ".vue"):
            for text in DOCUMENT.findall(file.read_text()):
                for definition in parse(text).definitions:
                    yield str(file.relative_to(SOURCES)), definition


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema((ROOT / "schema" / "schema.graphql").read_text())


def test_every_document_of_the_client_is_valid(schema: GraphQLSchema) -> None:
    found = list(documents())
    fragments = {
        definition.name.value: definition
        for _, definition in found
        if isinstance(definition, FragmentDefinitionNode)
    }
    assert len(found) > len(fragments) > 0
    for file, definition in found:
        needed = _spread(definition, fragments)
        document = DocumentNode(definitions=(definition, *needed))
        rules = [rule for rule in specified_rules if rule is not NoUnusedFragmentsRule]
        assert validate(schema, document, rules) == [], file


def _spread(
    definition: DefinitionNode, fragments: dict[str, FragmentDefinitionNode]
) -> list[FragmentDefinitionNode]:
    """The fragments that it needs, and those that they need."""
    names: dict[str, None] = {}

    class Collecting(Visitor):
        def enter_fragment_spread(self, node: FragmentSpreadNode, *_: object) -> None:
            name = node.name.value
            if name not in names:
                names[name] = None
                visit(fragments[name], self)

    visit(definition, Collecting())
    own = getattr(definition, "name", None)
    return [fragments[name] for name in names if own is None or fragments[name] is not definition]
