"""Credentials: sessions of users, and API tokens of programs."""

from datetime import datetime
from uuid import UUID

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
    "What a program may do with an API token. A signed-in user may do everything.",
    READ_PROFILE="Read the viewer's name, email address and whether it is verified.",
    READ_TRANSACTIONS=(
        "Read the balance, the transactions, the contacts and the notifications, and subscribe to "
        "them."
    ),
    SEARCH_USERS="Search for users.",
    ADD_BALANCE="Add to the balance.",
    SEND_MONEY="Send money, within the token's daily limit, and preview a transfer.",
    REQUEST_MONEY=(
        "Create, read and cancel payment requests. Paying one requires SEND_MONEY. The scope also allows "
        "declining requests, reminding payers and splitting bills."
    ),
    SCHEDULE_TRANSFERS=(
        "Read and manage scheduled transfers. Creating one also requires SEND_MONEY; what the token's "
        "scheduled transfers send in a day must fit its daily limit."
    ),
    MANAGE_WEBHOOKS=(
        "Create, read and change the webhooks of this token. A webhook's document must select only what "
        "the token's other scopes allow."
    ),
)


@strawberry.type(description="A device or program that is signed in.")
class Session(Node):
    user_agent: str | None = strawberry.field(description="The `User-Agent` header at sign-in.")
    ip_address: str | None = strawberry.field(description="The client address at sign-in.")
    created_at: datetime = strawberry.field(description="When it signed in.")
    last_used_at: datetime = strawberry.field(
        description="When it was last used, to about a minute."
    )
    is_current: bool = strawberry.field(description="Whether it is the session of this request.")


@strawberry.type(description="A credential for a program that acts for the viewer.")
class ApiToken(Node):
    name: str = strawberry.field(description="The name that the viewer gave it.")
    scopes: list[sessions.Scope] = strawberry.field(description="What the token may do.")
    daily_limit: Money | None = strawberry.field(
        description=(
            "The most that the token can send in any 24 hours, amounts and fees together; null "
            "if there is no limit."
        )
    )
    daily_remaining: Money | None = strawberry.field(
        description="Amount of the daily limit still available; null if there is no limit."
    )
    created_at: datetime = strawberry.field(description="When it was created.")
    expires_at: datetime | None = strawberry.field(
        description="When the token expires; null if never."
    )
    last_used_at: datetime | None = strawberry.field(
        description="When it was last used, to about a minute; null if never."
    )


def api_token_id(row_id: UUID) -> strawberry.ID:
    """The API's id of an API token."""
    return strawberry.ID(ids.global_id("ApiToken", row_id))


def shown_session(session: sessions.Session, principal: sessions.Principal) -> Session:
    """The session as its owner sees it; `is_current` if it is the session of this request."""
    return Session(
        id=strawberry.ID(ids.global_id("Session", session.session_id)),
        user_agent=session.user_agent,
        ip_address=session.ip_address,
        created_at=session.created_at,
        last_used_at=session.last_used_at,
        is_current=session.session_id == principal.session_id,
    )


def shown_api_token(
    token: sessions.ApiToken, currency: money.Currency, *, remaining_minor: int | None
) -> ApiToken:
    """The API token as its owner sees it; `remaining_minor` is what remains of its daily limit."""
    return ApiToken(
        id=api_token_id(token.api_token_id),
        name=token.name,
        scopes=list(token.scopes),
        daily_limit=None
        if token.daily_limit_minor is None
        else shown_minor(token.daily_limit_minor, currency),
        daily_remaining=None if remaining_minor is None else shown_minor(remaining_minor, currency),
        created_at=token.created_at,
        expires_at=token.expires_at,
        last_used_at=token.last_used_at,
    )


@strawberry.type(description="The credential that authenticated this request, and its scopes.")
class Credential:
    session: Session | None = strawberry.field(description="Null for an API token.")
    api_token: ApiToken | None = strawberry.field(description="Null for a session.")
    scopes: list[sessions.Scope] = strawberry.field(
        description="What it may do: every scope, for a session."
    )
