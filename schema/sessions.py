"""Who and what is signed in: sessions of people, API tokens of programs."""

from datetime import datetime

import strawberry

from domain import ids
from domain.ledger import money
from domain.people import sessions
from schema.enums import described
from schema.money import Money, shown_minor
from schema.nodes import Node

Scope = described(
    sessions.Scope,
    "Scope",
    "What a program may do with an API token. A signed-in person may do everything.",
    READ_PROFILE="Read the viewer's name, email address and whether it is verified.",
    READ_TRANSACTIONS="Read the balance, the transactions and the contacts, and subscribe to them.",
    SEARCH_USERS="Search for people.",
    ADD_BALANCE="Add to the balance.",
    SEND_MONEY="Send money, within the token's daily limit, and preview a transfer.",
)


@strawberry.type(description="A device or program that is signed in.")
class Session(Node):
    user_agent: str | None = strawberry.field(
        description="What the device called itself when it signed in."
    )
    ip_address: str | None = strawberry.field(description="Where it signed in from.")
    created_at: datetime = strawberry.field(description="When it signed in.")
    last_used_at: datetime = strawberry.field(
        description="When it was last heard of, give or take a minute."
    )
    is_current: bool = strawberry.field(description="Whether it is the one that asks.")


@strawberry.type(description="A key for a program that acts for the viewer.")
class ApiToken(Node):
    name: str = strawberry.field(description="What the viewer called it.")
    scopes: list[sessions.Scope] = strawberry.field(description="What it may do.")
    daily_limit: Money | None = strawberry.field(
        description=(
            "The most that the token may send in any 24 hours; null is no limit of its own."
        )
    )
    created_at: datetime = strawberry.field(description="When it was made.")
    expires_at: datetime | None = strawberry.field(
        description="When it stops working by itself; null is never."
    )
    last_used_at: datetime | None = strawberry.field(
        description="When it was last used, give or take a minute; null is never."
    )


def shown_session(session: sessions.Session, principal: sessions.Principal) -> Session:
    """The session as its owner sees it through another or the same one."""
    return Session(
        id=strawberry.ID(ids.global_id("Session", session.session_id)),
        user_agent=session.user_agent,
        ip_address=session.ip_address,
        created_at=session.created_at,
        last_used_at=session.last_used_at,
        is_current=session.session_id == principal.session_id,
    )


def shown_api_token(token: sessions.ApiToken, currency: money.Currency) -> ApiToken:
    """The API token as its owner sees it."""
    return ApiToken(
        id=strawberry.ID(ids.global_id("ApiToken", token.api_token_id)),
        name=token.name,
        scopes=list(token.scopes),
        daily_limit=None
        if token.daily_limit_minor is None
        else shown_minor(token.daily_limit_minor, currency),
        created_at=token.created_at,
        expires_at=token.expires_at,
        last_used_at=token.last_used_at,
    )
