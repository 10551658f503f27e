"""The schema gate: what the present state of the project would break for clients of the last release."""

from __future__ import annotations

import json
from datetime import date

from graphql import GraphQLSchema, build_schema

from dev.release import schema_gate
from dev.release.changelog import Changelog
from settings import ROOT

PRESENT = ROOT / "schema" / "schema.graphql"
#: The schema of the last release, and what its clients send. Both are written by `./wallet release`.
RELEASED = ROOT / "schema" / "released.graphql"
RELEASED_DOCUMENTS = ROOT / "schema" / "released-documents.json"
CHANGELOG = ROOT / "CHANGELOG.md"


def problems(today: date) -> list[str]:
    """A sentence for each thing that must not be released as it is; empty if there is none."""
    present, released = build_schema(PRESENT.read_text(encoding="utf-8")), released_schema()
    found = schema_gate.deprecation_problems(present, released, today)
    if released is not None:
        changelog = Changelog(CHANGELOG.read_text(encoding="utf-8"))
        found += schema_gate.unannounced(changes(), changelog.announced)
        documents = json.loads(RELEASED_DOCUMENTS.read_text(encoding="utf-8"))
        found += schema_gate.broken_documents(documents, present)
    return found


def changes() -> list[schema_gate.Change]:
    """How the schema differs from that of the last release; nothing before the first release."""
    released = released_schema()
    if released is None:
        return []
    return schema_gate.changes(released, build_schema(PRESENT.read_text(encoding="utf-8")))


def released_schema() -> GraphQLSchema | None:
    """The schema of the last release; None before the first."""
    if not RELEASED.exists():
        return None
    return build_schema(RELEASED.read_text(encoding="utf-8"))
