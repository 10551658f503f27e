"""The GraphQL documents that released clients send: they must remain valid."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from graphql import (
    DefinitionNode,
    DocumentNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    OperationDefinitionNode,
    Visitor,
    parse,
    print_ast,
    visit,
)

from settings import ROOT

#: Where the web client keeps its documents: in calls of `graphql` from gql.tada.
WEB_CLIENT = ROOT / "client" / "src"
#: The documents from which the client libraries are generated.
LIBRARIES = ROOT / "clients" / "documents"
_IN_SOURCE = re.compile(r"\bgraphql\(\s*`([^`]*)`")


def of_clients() -> dict[str, list[str]]:
    """Every operation of the clients, with the fragments that it needs, by the file it is in."""
    documents: dict[str, list[str]] = {}
    for found in ([*definitions()], [*_of_libraries()]):
        fragments = {
            definition.name.value: definition
            for _, definition in found
            if isinstance(definition, FragmentDefinitionNode)
        }
        for file, definition in found:
            if isinstance(definition, OperationDefinitionNode):
                needed = needed_fragments(definition, fragments)
                text = print_ast(DocumentNode(definitions=(definition, *needed)))
                documents.setdefault(file.relative_to(ROOT).as_posix(), []).append(text)
    return documents


def _of_libraries() -> Iterator[tuple[Path, DefinitionNode]]:
    for file in sorted(LIBRARIES.rglob("*.graphql")):
        for definition in parse(file.read_text(encoding="utf-8"), no_location=True).definitions:
            yield file, definition


def definitions() -> Iterator[tuple[Path, DefinitionNode]]:
    """The operations and fragments in the sources of the web client."""
    for file in sorted(WEB_CLIENT.rglob("*")):
        if file.suffix in (".ts", ".vue"):
            for text in _IN_SOURCE.findall(file.read_text(encoding="utf-8")):
                # gql.tada takes this directive, which is for types alone, out of what it sends.
                sent = text.replace("@_unmask", "")
                for definition in parse(sent, no_location=True).definitions:
                    yield file, definition


def needed_fragments(
    definition: DefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]
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
    return [fragments[name] for name in names if fragments[name] is not definition]
