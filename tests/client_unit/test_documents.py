"""The client's GraphQL documents are valid against the served schema."""

from __future__ import annotations

import pytest
from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLSchema,
    NoUnusedFragmentsRule,
    build_schema,
    specified_rules,
    validate,
)

from dev.release import documents
from settings import ROOT


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema((ROOT / "schema" / "schema.graphql").read_text())


def test_every_document_of_the_client_is_valid(schema: GraphQLSchema) -> None:
    found = list(documents.definitions())
    fragments = {
        definition.name.value: definition
        for _, definition in found
        if isinstance(definition, FragmentDefinitionNode)
    }
    assert len(found) > len(fragments) > 0
    for file, definition in found:
        needed = documents.needed_fragments(definition, fragments)
        document = DocumentNode(definitions=(definition, *needed))
        rules = [rule for rule in specified_rules if rule is not NoUnusedFragmentsRule]
        assert validate(schema, document, rules) == [], file
