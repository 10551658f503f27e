"""Notifications, as GraphQL lists, streams and marks them."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

import schema.errors
from adapters.realtime import Hints
from application import authentication
from domain import ids
from domain.notifications.notification_kinds import NotificationKind
from realtime.live import Live
from resolvers.request import RequestContext
from tests.resolvers.world import PASSWORD, SCHEMA, Someone, World

pytestmark = pytest.mark.anyio

LIST = """
query($first: Int, $after: String, $unreadOnly: Boolean) { viewer {
  unreadNotifications
  notifications(first: $first, after: $after, unreadOnly: $unreadOnly) {
    edges { cursor node { number } }
    nodes { id number kind message createdAt isRead transaction { sequence createdAt } }
    pageInfo { hasNextPage hasPreviousPage endCursor }
  }
} }
"""
MARK = """
mutation($through: Int!) { markNotificationsRead(input: {through: $through}) {
  __typename
  ... on NotificationsRead { viewer { unreadNotifications } }
  ... on InvalidInput { fields { path } }
} }
"""
CHOOSE = """
mutation($kinds: [NotificationKind!]!) { setMailedNotifications(input: {kinds: $kinds}) {
  __typename
  ... on MailedNotificationsSet { viewer { mailedNotifications } }
  ... on InvalidInput { fields { path } }
} }
"""
SUBSCRIBE = """
subscription($after: Int) {
  notifications(afterNumber: $after) { number kind message isRead transaction { sequence } }
}
"""
BY_DEFAULT = [
    "REQUEST_RECEIVED", "REQUEST_REMINDER", "REQUEST_PAID", "REQUEST_DECLINED",
    "REQUEST_CANCELLED", "REQUEST_EXPIRED", "SCHEDULED_TRANSFER_FAILED", "TRANSACTION_REVERSED",
    "WEBHOOK_DISABLED", "NEW_SIGN_IN", "SECURITY_CHANGED", "ACCOUNT_RESTRICTED",
]  # fmt: skip


async def listed(someone: Someone, **given: Any) -> Any:
    return (await someone.ask(LIST, **given)).one["notifications"]


async def numbers(someone: Someone, **given: Any) -> list[int]:
    return [node["number"] for node in (await listed(someone, **given))["nodes"]]


async def mark(someone: Someone, through: int) -> Any:
    return (await someone.ask(MARK, through=through)).one


@asynccontextmanager
async def listening(
    world: World, bearer: str | None, after: int | None = None
) -> AsyncIterator[AsyncGenerator[Any, None]]:
    """The results of a subscription as that bearer."""
    context = RequestContext(
        services=world.services,
        principal=await authentication.authenticate(world.services, bearer and f"Bearer {bearer}"),
        client_ip="192.0.2.1",
    )
    source = await SCHEMA.subscribe(
        SUBSCRIBE, variable_values={"after": after}, context_value=context
    )
    try:
        yield source
    finally:
        await source.aclose()


async def take(source: AsyncGenerator[Any, None], count: int) -> list[dict[str, Any]]:
    heard: list[dict[str, Any]] = []
    async with asyncio.timeout(15):
        while len(heard) < count:
            result = await anext(source)
            assert not result.errors, result.errors
            heard.append(result.data["notifications"])
    return heard


# ================================================================ lists


async def test_who_receives_money_is_notified_and_who_sends_it_is_not(
    world: World, alpha: Someone, beta: Someone
) -> None:
    await alpha.send(beta, "12.34")
    assert (await listed(alpha))["nodes"] == []
    (told,) = (await listed(beta))["nodes"]
    assert told == {
        "id": ids.global_id("Notification", beta.user_id, 1),
        "number": 1,
        "kind": "MONEY_RECEIVED",
        "message": "Alpha sent you 12.34 USD.",
        "createdAt": told["transaction"]["createdAt"],
        "isRead": False,
        "transaction": {"sequence": 1, "createdAt": told["createdAt"]},
    }


async def test_a_replayed_and_a_refused_transfer_notify_nobody(
    world: World, alpha: Someone, beta: Someone
) -> None:
    await alpha.send(beta, "1", key="the-same-key")
    assert (await alpha.send(beta, "1", key="the-same-key"))["replayed"]
    assert (await alpha.send(beta, "9999"))["__typename"] == "InsufficientFunds"
    assert await numbers(beta) == [1]


async def test_a_message_names_the_sender_as_they_are_now(
    world: World, alpha: Someone, beta: Someone
) -> None:
    await alpha.send(beta, "1")
    await alpha.ask(
        'mutation { updateProfile(input: {name: "Alphonse"}) { __typename } }',
    )
    (told,) = (await listed(beta))["nodes"]
    assert told["message"] == "Alphonse sent you 1.00 USD."


async def test_pages_are_newest_first_and_go_on_after_a_cursor(
    world: World, alpha: Someone, beta: Someone
) -> None:
    for _ in range(5):
        await alpha.send(beta, "1")
    page = await listed(beta, first=2)
    assert [edge["node"]["number"] for edge in page["edges"]] == [5, 4]
    assert page["pageInfo"] == {
        "hasNextPage": True,
        "hasPreviousPage": False,
        "endCursor": page["edges"][-1]["cursor"],
    }
    rest = await listed(beta, first=3, after=page["pageInfo"]["endCursor"])
    assert [node["number"] for node in rest["nodes"]] == [3, 2, 1]
    assert rest["pageInfo"]["hasNextPage"] is False
    assert rest["pageInfo"]["hasPreviousPage"] is True
    assert await numbers(beta, first=0) == []


@pytest.mark.parametrize("given", [{"first": 101}, {"first": -1}, {"after": "x"}, {"after": ""}])
async def test_a_page_that_there_is_not_is_bad_input(
    world: World, someone: Someone, given: dict[str, Any]
) -> None:
    assert (await someone.ask(LIST, **given)).code == "BAD_USER_INPUT"


async def test_a_cursor_of_transactions_is_none_of_notifications(
    world: World, someone: Someone
) -> None:
    asked = await someone.ask("{ viewer { transactions { edges { cursor } } } }")
    cursor = asked.one["transactions"]["edges"][0]["cursor"]
    assert (await someone.ask(LIST, after=cursor)).code == "BAD_USER_INPUT"


async def test_a_notification_is_read_again_by_its_id_by_its_owner_alone(
    world: World, alpha: Someone, beta: Someone
) -> None:
    await alpha.send(beta, "1")
    asked = ids.global_id("Notification", beta.user_id, 1)
    query = "query($id: ID!) { node(id: $id) { id ... on Notification { number message } } }"
    assert (await beta.ask(query, id=asked)).one["number"] == 1
    assert (await alpha.ask(query, id=asked)).one is None
    for other in (0, 2, 2**63, "x"):
        named = ids.global_id("Notification", beta.user_id, other)
        assert (await beta.ask(query, id=named)).one is None


# ================================================================ read


async def test_what_is_read_is_read_on_every_device_and_never_unread(
    world: World, alpha: Someone, beta: Someone
) -> None:
    for _ in range(3):
        await alpha.send(beta, "1")
    assert (await mark(beta, 2))["viewer"]["unreadNotifications"] == 1
    assert await numbers(beta, unreadOnly=True) == [3]
    assert [node["isRead"] for node in (await listed(beta))["nodes"]] == [False, True, True]
    for through in (1, 0, 2):
        assert (await mark(beta, through))["viewer"]["unreadNotifications"] == 1
    assert (await mark(beta, 3))["viewer"]["unreadNotifications"] == 0
    await alpha.send(beta, "1")
    assert await numbers(beta, unreadOnly=True) == [4]


@pytest.mark.parametrize("through", [-1, 1, 2**31 - 1])
async def test_a_number_that_no_notification_has_cannot_be_read(
    world: World, someone: Someone, through: int
) -> None:
    assert await mark(someone, through) == {
        "__typename": "InvalidInput",
        "fields": [{"path": ["through"]}],
    }


# ================================================================ mails


async def test_by_default_what_needs_an_answer_or_is_about_security_is_mailed(
    world: World, alpha: Someone, beta: Someone
) -> None:
    asked = await beta.ask("{ viewer { mailedNotifications } }")
    assert asked.one["mailedNotifications"] == BY_DEFAULT
    await alpha.send(beta, "1")
    assert "notification" not in world.mails(beta.email)


async def test_chosen_kinds_are_mailed_and_no_others(
    world: World, alpha: Someone, beta: Someone
) -> None:
    chosen = (await beta.ask(CHOOSE, kinds=["MONEY_RECEIVED"])).one
    assert chosen["viewer"]["mailedNotifications"] == [
        "MONEY_RECEIVED",
        "NEW_SIGN_IN",
        "SECURITY_CHANGED",
    ]
    await alpha.send(beta, "1")
    assert world.mails(beta.email)[-1] == "notification"
    [(details,)] = world.sql(
        "SELECT details FROM mails WHERE user_id = %s AND purpose = 'notification'", beta.user_id
    )
    assert details == {"number": 1}
    none = (await beta.ask(CHOOSE, kinds=[])).one
    assert none["viewer"]["mailedNotifications"] == ["NEW_SIGN_IN", "SECURITY_CHANGED"]
    await alpha.send(beta, "1")
    assert world.mails(beta.email).count("notification") == 1


async def test_all_kinds_can_be_chosen_but_none_twice(world: World, beta: Someone) -> None:
    every = [kind.name for kind in NotificationKind]
    assert (await beta.ask(CHOOSE, kinds=every)).one["viewer"]["mailedNotifications"] == every
    twice = (await beta.ask(CHOOSE, kinds=["MONEY_RECEIVED"] * 2)).one
    assert twice == {"__typename": "InvalidInput", "fields": [{"path": ["kinds"]}]}
    assert (await beta.ask("{ viewer { mailedNotifications } }")).one == {
        "mailedNotifications": every
    }


# ================================================================ security


async def test_changes_of_security_are_told_and_mailed_once(world: World, beta: Someone) -> None:
    before = len(world.mails(beta.email))
    await beta.token("READ_PROFILE")
    (token,) = (await beta.ask("{ viewer { apiTokens { id } } }")).one["apiTokens"]
    await beta.ask(
        "mutation($id: ID!) { revokeApiToken(input: {apiTokenId: $id}) { __typename } }",
        id=token["id"],
    )
    await beta.token("READ_PROFILE")
    await beta.ask(
        "mutation($input: ChangePasswordInput!) { changePassword(input: $input) { __typename } }",
        input={
            "currentPassword": PASSWORD,
            "newPassword": "four walls, one roof",
            "revokeApiTokens": True,
        },
    )
    nodes = (await listed(beta))["nodes"]
    assert {node["kind"] for node in nodes} == {"SECURITY_CHANGED"}
    assert [node["message"] for node in nodes] == [
        "Your password was changed. 1 API token was revoked.",
        "The API token “a program” was created.",
        "The API token “a program” was revoked.",
        "The API token “a program” was created.",
    ]
    assert world.mails(beta.email)[before:] == [
        "api_token_created",
        "notification",
        "api_token_created",
        "password_changed",
    ]


async def test_a_reset_password_is_told(world: World, beta: Someone) -> None:
    answer = await world.ask(
        "mutation($input: ResetPasswordInput!) { resetPassword(input: $input) { __typename } }",
        input={
            "token": world.link(beta.email, "reset_password"),
            "password": "four walls, one roof",
        },
    )
    assert answer.one["__typename"] == "PasswordChanged"
    assert world.mails(beta.email)[-1] == "password_changed"
    stored = world.sql("SELECT details FROM notifications WHERE user_id = %s", beta.user_id)
    assert stored == [({"change": "password_reset", "api_tokens_revoked": 0},)]


async def test_an_unverified_registration_is_told_nothing(world: World) -> None:
    someone = await world.join("New", verified=False)
    await someone.token("READ_PROFILE")
    assert await numbers(someone) == []
    assert world.mails(someone.email) == ["verify_email"]


# ================================================================ API tokens


async def test_programs_that_read_transactions_read_notifications_and_mark_none(
    world: World, alpha: Someone, beta: Someone
) -> None:
    await alpha.send(beta, "1")
    program = await beta.token("READ_TRANSACTIONS")
    assert len((await world.ask(LIST, program)).one["notifications"]["nodes"]) == 2
    assert (await world.ask(MARK, program, through=1)).code == "FORBIDDEN"
    assert (await world.ask(CHOOSE, program, kinds=[])).code == "FORBIDDEN"
    assert (await world.ask("{ viewer { mailedNotifications } }", program)).code == "FORBIDDEN"
    other = await beta.token("READ_PROFILE")
    asked = ids.global_id("Notification", beta.user_id, 1)
    assert set((await world.ask(LIST, other)).codes) == {"FORBIDDEN"}
    assert (
        await world.ask("query($id: ID!) { node(id: $id) { id } }", other, id=asked)
    ).one is None


@pytest.mark.parametrize("query", [MARK, CHOOSE])
async def test_who_is_signed_out_changes_nothing(world: World, query: str) -> None:
    assert (await world.ask(query, through=0, kinds=[])).code == "UNAUTHENTICATED"


# ================================================================ the subscription


async def test_notifications_resume_after_a_number_each_once_and_in_order(
    world: World, alpha: Someone, beta: Someone
) -> None:
    for _ in range(3):
        await alpha.send(beta, "1")
    async with listening(world, beta.bearer, 1) as source:
        assert [each["number"] for each in await take(source, 2)] == [2, 3]
        await alpha.send(beta, "2")
        await beta.token("READ_PROFILE")
        received, changed = await take(source, 2)
    assert received == {
        "number": 4,
        "kind": "MONEY_RECEIVED",
        "message": "Alpha sent you 2.00 USD.",
        "isRead": False,
        "transaction": {"sequence": 4},
    }
    assert (changed["number"], changed["kind"], changed["transaction"]) == (
        5,
        "SECURITY_CHANGED",
        None,
    )


async def test_without_a_number_only_new_notifications_are_delivered(
    world: World, alpha: Someone, beta: Someone
) -> None:
    await alpha.send(beta, "1")
    async with listening(world, beta.bearer) as source:
        heard = asyncio.create_task(take(source, 1))
        await asyncio.sleep(0)
        await alpha.send(beta, "1")
        assert [each["number"] for each in await heard] == [2]


async def test_what_this_process_committed_needs_neither_redis_nor_the_poll(
    world: World, alpha: Someone, beta: Someone
) -> None:
    nowhere = await Hints.open("redis://127.0.0.1:1/0")
    live = Live(world.services.database, nowhere, poll_seconds=600)
    await live.start()
    services = world.services
    world.services = dataclasses.replace(services, live=live)
    async with listening(world, beta.bearer, 0) as source:
        heard = asyncio.create_task(take(source, 2))
        await alpha.send(beta, "1")
        await alpha.send(beta, "2")
        assert [each["transaction"]["sequence"] for each in await heard] == [1, 2]
    await live.stop()
    await nowhere.close()
    world.services = services


@pytest.mark.parametrize("after", [-1, 1])
async def test_a_number_that_there_is_not_is_bad_input(
    world: World, alpha: Someone, after: int
) -> None:
    async with listening(world, alpha.bearer, after) as source, asyncio.timeout(15):
        (error,) = (await anext(source)).errors
    assert schema.errors.code_of(error.original_error)[0] == "BAD_USER_INPUT"
    assert "`afterNumber`" in str(error)


async def test_only_who_may_read_transactions_may_listen(world: World, alpha: Someone) -> None:
    for bearer, code in (
        (None, "UNAUTHENTICATED"),
        (await alpha.token("READ_PROFILE"), "FORBIDDEN"),
    ):
        async with listening(world, bearer) as source, asyncio.timeout(15):
            (error,) = (await anext(source)).errors
        assert schema.errors.code_of(error.original_error)[0] == code
