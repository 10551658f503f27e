"""The served schema, for tests that read it: built once per process, by the first test that needs it."""

from __future__ import annotations

import functools

from graphql import GraphQLSchema, build_schema

from settings import ROOT


@functools.cache
def schema() -> GraphQLSchema:
    """What schema/schema.graphql defines, which is what is served (`test_sdl`)."""
    return build_schema((ROOT / "schema" / "schema.graphql").read_text(encoding="utf-8"))
