"""The schema that is served, and its definition as text."""

from __future__ import annotations

import functools

import strawberry
from strawberry.printer import print_schema

from resolvers import root


@functools.cache
def build() -> strawberry.Schema:
    """The schema, created once per process."""
    return root.strawberry_schema()


@functools.cache
def print_sdl() -> str:
    """The SDL that is served at /schema.graphql and committed as schema/schema.graphql."""
    return print_schema(build()).rstrip() + "\n"
