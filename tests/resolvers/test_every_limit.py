"""Every root field has a rate limit: each field of the schema is called with exhausted limits."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

import graphql
import pytest
from graphql import GraphQLInputType, GraphQLList, GraphQLNonNull, OperationType
from graphql.execution import create_source_event_stream

from adapters.rate_limiter import RateLimiter, Usage, Use
from application import authentication
from application.services import Services
from domain import errors
from resolvers.request import RequestContext
from tests.resolvers.world import SCHEMA, Someone, World

pytestmark = pytest.mark.anyio

CORE = SCHEMA._schema


class Exhausted(RateLimiter):
    """Nobody may do anything for a minute."""

    async def count(self, uses: Collection[Use]) -> Mapping[Use, Usage]:
        return dict.fromkeys(uses, Usage("a", 1, 60, 0, 60, wait_seconds=60))


def root_fields() -> Iterator[tuple[str, str]]:
    for kind in OperationType:
        root = CORE.get_root_type(kind)
        assert root is not None
        for name in root.fields:
            yield kind.value, name


def literal(kind: GraphQLInputType, name: str) -> str:
    """A value of that type as a document has it."""
    if isinstance(kind, GraphQLNonNull):
        return literal(kind.of_type, name)
    if isinstance(kind, GraphQLList):
        return f"[{literal(kind.of_type, name)}]"
    if isinstance(kind, graphql.GraphQLInputObjectType):
        wanted = {
            field: definition
            for field, definition in kind.fields.items()
            if graphql.is_required_input_field(definition)
        }
        if not wanted:
            # Of some inputs exactly one field is to be given.
            wanted = dict([next(iter(kind.fields.items()))])
        inside = ", ".join(f"{field}: {literal(one.type, field)}" for field, one in wanted.items())
        return f"{{{inside}}}"
    if isinstance(kind, graphql.GraphQLEnumType):
        return next(iter(kind.values))
    if kind.name == "DateTime":
        return '"2026-01-01T00:00:00Z"'
    if kind.name == "Date":
        return '"2026-01-01"'
    return {"Int": "1", "Boolean": "true", "JSON": "{}"}.get(kind.name, '"12345678"')


def document(kind: str, name: str) -> str:
    root = CORE.get_root_type(OperationType(kind))
    assert root is not None
    field = root.fields[name]
    required = {n: a for n, a in field.args.items() if graphql.is_required_argument(a)}
    inside = ", ".join(f"{n}: {literal(a.type, n)}" for n, a in required.items())
    return f"{kind} {{ {name}{f'({inside})' if inside else ''} {{ __typename }} }}"


async def errors_of(limited: Services, kind: str, name: str, bearer: str | None) -> list[Any]:
    """The errors of the operation, each as the class that was raised."""
    context = RequestContext(
        services=limited,
        principal=await authentication.authenticate(
            limited, None if bearer is None else f"Bearer {bearer}"
        ),
        client_ip="192.0.2.1",
    )
    parsed = graphql.parse(document(kind, name))
    assert graphql.validate(CORE, parsed) == []
    if kind == "subscription":
        executor = SCHEMA.execution_context_class.build(CORE, parsed, None, context, None, None)
        result: Any = await create_source_event_stream(executor)  # type: ignore[arg-type, misc]
    else:
        result = await SCHEMA.execute(document(kind, name), context_value=context)
    return [type(error.original_error) for error in result.errors or ()]


@pytest.mark.parametrize("is_signed_in", [True, False], ids=["signed in", "signed out"])
async def test_every_root_field_has_a_rate_limit(
    world: World, someone: Someone, is_signed_in: bool
) -> None:
    redis_url = world.services.settings.redis_url.get_secret_value()
    limited = replace(world.services, rate_limiter=Exhausted(redis_url, 1))
    bearer = someone.bearer if is_signed_in else None
    for kind, name in root_fields():
        assert await errors_of(limited, kind, name, bearer) == [errors.RateLimited], name


async def test_a_token_without_the_scope_has_a_rate_limit_too(
    world: World, someone: Someone
) -> None:
    redis_url = world.services.settings.redis_url.get_secret_value()
    bearer = await someone.token("READ_PROFILE")
    allowed = await errors_of(world.services, "mutation", "sendMoney", bearer)
    assert allowed == [errors.Forbidden]
    limited = replace(world.services, rate_limiter=Exhausted(redis_url, 1))
    for name in ("sendMoney", "logout"):
        assert await errors_of(limited, "mutation", name, bearer) == [errors.RateLimited]
