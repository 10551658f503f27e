"""Fields that are bound to a type: links to objects that another query reads, and other resolvers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
import strawberry

from domain import errors, ids
from domain.ledger.kinds import Kind
from domain.notifications.notification_kinds import NotificationKind
from domain.people.sessions import Principal, Scope
from graphql_server.compiled import Compiler
from resolvers import notifications, root, transfers
from resolvers.bound_fields import Loaders, bound_field, extend, link
from tests.graphql_server.plans import plan

pytestmark = pytest.mark.anyio

VIEWER = ids.new_id()
PERSON = Principal(VIEWER, session_id=ids.new_id())
KNOWN = [ids.new_id() for _ in range(100)]


@dataclass
class Toy:
    """The services and the context of a request at once."""

    principal: Principal | None
    loaders: Loaders | None = None
    is_away: bool = False
    asked: list[set[UUID]] = field(default_factory=list)

    @property
    def services(self) -> Toy:
        return self


@strawberry.type
class Target:
    name: str


@strawberry.type
class Source:
    key: strawberry.Private[UUID | None]
    number: int


async def linked(services: Any, principal: Principal, keys: Collection[UUID]) -> dict[UUID, Target]:
    services.asked.append(set(keys))
    if services.is_away:
        raise errors.Unavailable
    return {key: Target(name=f"{key} for {principal.user_id}") for key in keys if key in KNOWN}


async def times(source: strawberry.Parent[Source], factor: int) -> int:
    return source.number * factor


@extend(Source)
class SourceFields:
    target = link(linked, lambda source: source.key, Scope.SEND_MONEY, description="A target.")
    times = bound_field(times, description="Times.", cost=7, usual_length=3)


@strawberry.type
class Query:
    @strawberry.field
    def sources(self) -> list[Source]:
        keys = [*KNOWN, None, ids.new_id(), KNOWN[0]]
        return [Source(key=key, number=number) for number, key in enumerate(keys)]


SCHEMA = strawberry.Schema(Query)
TARGETS = "{ sources { number target { name } times(factor: 2) } }"


async def answer(toy: Toy, document: str) -> list[Any]:
    """The sources that a compiled plan returns, which are those that graphql-core returns."""
    interpreted: Any = await SCHEMA.execute(document, context_value=toy)
    toy.asked, toy.loaders = [], None
    compiler = Compiler(SCHEMA._schema, SCHEMA.execution_context_class, hide_suggestions=False)
    result = await plan(compiler, document).execute(toy, {})
    assert result.data == interpreted.data
    assert result.data is not None
    paths = [each.path for each in result.errors or ()]
    assert paths == [each.path for each in interpreted.errors or ()]
    found: list[Any] = result.data["sources"]
    assert len(paths) == (102 if toy.is_away else 0)
    return found


async def test_the_objects_of_a_whole_list_are_read_together() -> None:
    toy = Toy(PERSON)
    sources = await answer(toy, TARGETS)
    names = [source["target"] and source["target"]["name"] for source in sources]
    expected = [f"{key} for {VIEWER}" for key in KNOWN]
    assert names == [*expected, None, None, expected[0]]
    assert [source["times"] for source in sources] == [number * 2 for number in range(103)]
    [keys] = toy.asked
    assert len(keys) == 101


@pytest.mark.parametrize(
    "caller",
    [
        None,
        Principal(VIEWER, api_token_id=ids.new_id(), scopes=frozenset({Scope.READ_TRANSACTIONS})),
    ],
)
async def test_without_the_scope_links_are_null_and_nothing_is_read(
    caller: Principal | None,
) -> None:
    toy = Toy(caller)
    assert {source["target"] is None for source in await answer(toy, TARGETS)} == {True}
    assert toy.asked == []


async def test_an_api_token_with_the_scope_follows_links() -> None:
    token = Principal(VIEWER, api_token_id=ids.new_id(), scopes=frozenset({Scope.SEND_MONEY}))
    assert (await answer(Toy(token), TARGETS))[0]["target"] is not None


async def test_documents_without_links_neither_read_nor_prepare_anything() -> None:
    toy = Toy(PERSON)
    await answer(toy, "{ sources { number } }")
    assert toy.loaders is None
    assert toy.asked == []


async def test_what_cannot_be_read_is_null_with_an_error_and_spoils_nothing_else() -> None:
    toy = Toy(PERSON, is_away=True)
    sources = await answer(toy, TARGETS)
    assert [source["number"] for source in sources] == list(range(103))
    assert len(toy.asked) == 1


def test_a_link_has_the_type_of_its_reader_and_names_the_scope() -> None:
    source: Any = SCHEMA._schema.type_map["Source"]
    assert str(source.fields["target"].type) == "Target"
    assert source.fields["target"].description == (
        "A target. Null for an API token without the scope `SEND_MONEY`."
    )
    served: Any = root.strawberry_schema()._schema.type_map["Notification"]
    assert str(served.fields["webhook"].type) == "Webhook"
    assert root.FIELD_COSTS["attempts"] == 5


def test_a_field_that_the_type_has_already_is_not_bound() -> None:
    again = link(linked, lambda source: source.key, Scope.SEND_MONEY, description="A target.")
    with pytest.raises(ValueError, match="`Source` has these fields already: target"):
        extend(Source)(type("Fields", (), {"target": again}))


def test_only_notifications_and_transactions_of_the_given_kinds_have_a_link() -> None:
    subject: Any = notifications.subject_of(NotificationKind.WEBHOOK_DISABLED)
    disabled = SimpleNamespace(kind=NotificationKind.WEBHOOK_DISABLED, subject_id=KNOWN[0])
    assert subject(disabled) == KNOWN[0]
    assert subject(SimpleNamespace(kind=NotificationKind.MONEY_RECEIVED)) is None
    reference: Any = transfers.reference_of(Kind.TRANSFER)
    transfer, top_up = (
        SimpleNamespace(entry=SimpleNamespace(kind=kind, reference=KNOWN[1]))
        for kind in (Kind.TRANSFER, Kind.TOP_UP)
    )
    assert reference(transfer) == KNOWN[1]
    assert reference(top_up) is None
