"""Hostile values for every text argument: a typed or coded refusal, and nothing changes."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLNamedType,
    GraphQLScalarType,
    get_named_type,
    is_list_type,
    is_non_null_type,
)

from tests.resolvers.world import REFUSED_BY_SCHEMA, SCHEMA, World

pytestmark = pytest.mark.anyio

HOSTILE = [
    "", " ", "\x00", "a\x00b", "\ud800", "\u202e", "é", "١٢٣", "'; DROP TABLE users; --", "%_\\",
    "x" * 5000, "A" * 86, "mw_" + "A" * 107, "NaN", "1e400", "-0", "9" * 400, "2026-11-22", "null", "🙂" * 200,
]  # fmt: skip
SAFE = {"FORBIDDEN", "BAD_USER_INPUT", REFUSED_BY_SCHEMA}
#: They end the session that asks, whatever they are given.
EXCEPTED = {"logout"}


def _value(type_: Any, hostile: object) -> Any:
    """Some value of that type, with the hostile one in every place that takes a text."""
    if is_non_null_type(type_):
        return _value(type_.of_type, hostile)
    if is_list_type(type_):
        return [_value(type_.of_type, hostile)]
    if isinstance(type_, GraphQLInputObjectType):
        fields = {name: _value(field.type, hostile) for name, field in type_.fields.items()}
        if type_.is_one_of:
            return dict([next(iter(fields.items()))])
        return fields
    if isinstance(type_, GraphQLScalarType):
        good = {
            "Decimal": "1",
            "DateTime": "2030-01-01T00:00:00Z",
            "Int": 1,
            "Boolean": False,
            "JSON": {},
        }
        return good.get(type_.name, hostile)
    return next(iter(type_.values))


def _query(kind: str, name: str, field: GraphQLField) -> str:
    declared = ", ".join(f"${argument}: {one.type}" for argument, one in field.args.items())
    passed = ", ".join(f"{argument}: ${argument}" for argument in field.args)
    arguments = (f"({declared})", f"({passed})") if declared else ("", "")
    return f"{kind}{arguments[0]} {{ {name}{arguments[1]} {{ __typename }} }}"


def _operations() -> list[tuple[str, str, GraphQLField]]:
    served = SCHEMA._schema
    roots: list[tuple[str, GraphQLNamedType]] = [
        ("query", get_named_type(served.query_type)),
        ("mutation", get_named_type(served.mutation_type)),
    ]
    return [
        (kind, name, field)
        for kind, root in roots
        for name, field in root.fields.items()  # type: ignore[attr-defined]
        if field.args and name not in EXCEPTED
    ]


@pytest.mark.parametrize(
    ("kind", "name", "field"), _operations(), ids=lambda value: str(value)[:40]
)
async def test_hostile_texts_are_refused_and_change_nothing(
    world: World, kind: str, name: str, field: GraphQLField
) -> None:
    alpha = await world.join("Alpha", balance="10")
    before = world.books()
    query = _query(kind, name, field)
    for hostile in HOSTILE:
        given = {argument: _value(one.type, hostile) for argument, one in field.args.items()}
        answer = await alpha.ask(query, **given)
        assert set(answer.codes) <= SAFE, (hostile, answer.errors)
    if name not in ("addBalance", "updateProfile"):
        assert world.books() == before


@pytest.mark.parametrize("hostile", [None, True, 7, 1.5, [], {}, ["x"], {"x": 1}], ids=repr)
async def test_values_of_a_wrong_type_never_reach_a_resolver(world: World, hostile: object) -> None:
    alpha = await world.join("Alpha")
    handled = len(world.metrics.operations)
    for kind, name, field in _operations():
        given = {argument: _value(one.type, hostile) for argument, one in field.args.items()}
        answer = await alpha.ask(_query(kind, name, field), **given)
        assert set(answer.codes) <= SAFE, (name, answer.errors)
    # An id may be written as a number, an optional text may be null, and a list may be empty.
    reached = {name for name, _ in world.metrics.operations[handled:]}
    assert reached <= {
        "node",
        "nodes",
        "declineRequest",
        "decideAction",
        "pauseScheduledTransfer",
        "resumeScheduledTransfer",
        "endScheduledTransfer",
        "updateProfile",
        "blockUser",
        "unblockUser",
        "cancelRequest",
        "remindPayer",
        "revokeSession",
        "confirmSession",
        "removePasskey",
        "setConfirmAbove",
        "revokeApiToken",
        "deleteWebhook",
        "replayWebhook",
        "rotateWebhookSecret",
        "testWebhook",
        "updateWebhook",
        "refreshSession",
        "transferPreview",
        "markNotificationsRead",
        "setMailedNotifications",
    }
