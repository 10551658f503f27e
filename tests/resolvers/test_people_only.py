"""Mutations reserved for users: each verifies in its own transaction that its session is active."""

from __future__ import annotations

from typing import Any

import pytest

from domain import ids
from domain.people import sessions
from resolvers import guards, root
from tests.resolvers.world import PASSWORD, Someone, World

pytestmark = pytest.mark.anyio

#: For each mutation an input that changes something where the session is active. `{}` are ids of the
#: caller's.
INPUTS: dict[str, dict[str, Any]] = {
    "logout": {"everywhere": True},
    "revokeSession": {"sessionId": "{session}"},
    "changePassword": {"currentPassword": PASSWORD, "newPassword": "four walls, one roof"},
    "confirmSession": {"password": PASSWORD},
    "closeAccount": {"password": PASSWORD},
    "exportData": {},
    "updateProfile": {"name": "Another Name"},
    "createApiToken": {"name": "thief", "scopes": ["SEND_MONEY"]},
    "revokeApiToken": {"apiTokenId": "{api_token}"},
    "markNotificationsRead": {"through": 1},
    "blockUser": {"userId": "{other_user}"},
    "unblockUser": {"userId": "{other_user}"},
    "setMailedNotifications": {"kinds": ["MONEY_RECEIVED"]},
    "beginSessionConfirmation": {},
    "beginTotp": {},
    "enableTotp": {"challenge": "{challenge}", "code": "123456"},
    "disableTotp": {},
    "beginPasskey": {},
    "addPasskey": {"challenge": "{challenge}", "name": "thief", "passkey": {}},
    "removePasskey": {"passkeyId": "{passkey}"},
    "renewRecoveryCodes": {},
    "setConfirmAbove": {"amount": "5000"},
}


def people_only() -> list[str]:
    """The mutations that the table of operations reserves for people."""
    return [name for name, entry in root.OPERATIONS.items() if guards.person in entry.guards]


def state(world: World, alpha: Someone) -> list[Any]:
    """Everything of somebody's that such a mutation could change."""
    return [
        world.sql(f"SELECT * FROM {table} WHERE {key} = %s ORDER BY 1, 2", alpha.user_id)
        for table, key in (
            ("users", "id"),
            ("sessions", "user_id"),
            ("api_tokens", "user_id"),
            ("mails", "user_id"),
            ("blocks", "user_id"),
            ("totp_factors", "user_id"),
            ("second_factor_challenges", "user_id"),
        )
    ]


@pytest.mark.parametrize("mutation", people_only())
async def test_an_ended_session_changes_nothing_even_before_the_process_knows_of_its_end(
    world: World, alpha: Someone, mutation: str
) -> None:
    await alpha.token("READ_PROFILE")
    world.sql("UPDATE users SET notification_number = 1 WHERE id = %s", alpha.user_id)
    await world.login(alpha.email)
    [(first,), (other,)] = world.sql(
        "SELECT id FROM sessions WHERE user_id = %s ORDER BY id", alpha.user_id
    )
    [(api_token,)] = world.sql("SELECT id FROM api_tokens WHERE user_id = %s", alpha.user_id)
    # The request was let in a moment before.
    principal = await world.principal(alpha.bearer)
    world.sql("UPDATE sessions SET ended_at = now() WHERE id = %s", first)
    before = state(world, alpha)
    known = {
        "session": ids.global_id("Session", other),
        "api_token": ids.global_id("ApiToken", api_token),
        "other_user": (await world.join("Beta")).id,
        "challenge": sessions.new_challenge(alpha.user_id, ids.new_id()),
        "passkey": ids.global_id("Passkey", ids.new_id()),
    }
    given = {
        name: value.format(**known) if isinstance(value, str) else value
        for name, value in INPUTS[mutation].items()
    }
    type_name = f"{mutation[0].upper()}{mutation[1:]}Input"
    document = f"mutation($input: {type_name}!) {{ {mutation}(input: $input) {{ __typename }} }}"
    if not given:
        document = f"mutation {{ {mutation} {{ __typename }} }}"
    answer = await world.ask_as(principal, document, input=given)
    assert answer.code == "UNAUTHENTICATED"
    assert state(world, alpha) == before
