"""API tokens: created, listed, revoked and checked. Only hashes of their secrets are kept."""

from __future__ import annotations

import hmac
from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain import errors, ids
from domain import text as text_rules
from domain.ledger import budgets as budget_rules
from domain.ledger.budgets import BudgetOf, TokenBudget
from domain.notifications.notices import Mail, Notice
from domain.notifications.notification_kinds import NotificationKind, SecurityChange
from domain.people import sessions
from domain.people.accounts import MailPurpose
from domain.people.sessions import ApiToken, NamedSecret, Principal, Scope
from persistence.engine import unit_of_work
from persistence.engine.database import Database
from persistence.engine.unit_of_work import Unit
from persistence.ledger import look_ups
from persistence.notifications import notifying
from persistence.people import credentials, persons
from persistence.people import sessions as stored_sessions

MAXIMUM_API_TOKENS = 50

_ACTIVE = credentials.api_token_is_active("api_tokens")
_COUNT = text(f"SELECT count(*) FROM api_tokens WHERE user_id = :user_id AND {_ACTIVE}")  # noqa: S608
_INSERT = text(
    "INSERT INTO api_tokens (user_id, id, name, scopes, daily_limit, secret_hash, created_at, "
    "expires_at) VALUES (:user_id, :id, :name, :scopes, :daily_limit, :hash, :now, :expires_at) "
    "RETURNING *"
)
_LIST = text(
    f"SELECT * FROM api_tokens WHERE user_id = :user_id AND {_ACTIVE} ORDER BY id"  # noqa: S608
)
_REVOKE = text(
    "UPDATE api_tokens SET revoked_at = :now WHERE user_id = :user_id AND id = :id "  # noqa: S608
    f"AND {credentials.api_token_is_active('api_tokens', 'CAST(:now AS timestamptz)')} "
    "RETURNING *"
)
_DEVICE = text(
    "SELECT user_agent, ip_address FROM sessions WHERE user_id = :user_id AND id = :session_id"
)
_ACTIVE_IDS = text(f"SELECT id FROM api_tokens WHERE user_id = :user_id AND {_ACTIVE}")  # noqa: S608
_REVOKE_ALL = text(
    "UPDATE api_tokens SET revoked_at = :now WHERE user_id = :user_id AND revoked_at IS NULL "
    "RETURNING id"
)
_FIND = text(
    f"SELECT k.*, {credentials.api_token_is_active('k')} AS is_active "  # noqa: S608
    "FROM api_tokens AS k JOIN users AS u ON u.id = k.user_id "
    "WHERE k.user_id = :user_id AND k.id = :id AND u.closed_at IS NULL AND k.revoked_at IS NULL"
)


async def create(
    db: Database,
    caller: Principal,
    *,
    name: str,
    scopes: Collection[Scope],
    daily_limit_minor: int | None,
    expires_at: datetime | None,
) -> tuple[ApiToken, str]:
    """A new API token of the caller and its secret, which is not stored. `name` is normalized.

    The owner is told by mail, if the address is verified. Raises Unauthenticated if the caller's
    session has ended, SessionNotConfirmed if it was not confirmed recently, or InvalidInput if the user has
    the maximum number of API tokens, or a second factor and the token could send without a daily limit.
    """
    user_id, api_token_id = caller.user_id, ids.new_id()
    secret = sessions.new_api_token(user_id, api_token_id)

    async def work(unit: Unit) -> ApiToken:
        person = await persons.lock_caller(unit, caller, confirmed=True)
        if person.confirm_above is not None:
            budget_rules.check_limit(scopes, daily_limit_minor)
        count = await unit.connection.scalar(_COUNT, {"user_id": user_id})
        if count is not None and count >= MAXIMUM_API_TOKENS:
            raise errors.invalid(
                "name",
                f"You have {MAXIMUM_API_TOKENS} API tokens, the maximum. Revoke one first.",
            )
        now = await unit.clock()
        inserted = await unit.connection.execute(
            _INSERT,
            {
                "user_id": user_id,
                "id": api_token_id,
                "name": name,
                "scopes": sorted(scope.value for scope in scopes),
                "daily_limit": daily_limit_minor,
                "hash": sessions.hash_secret(secret),
                "now": now,
                "expires_at": expires_at,
            },
        )
        token = _from_row(inserted.one())
        mail = Mail(MailPurpose.API_TOKEN_CREATED, await _details(unit, caller, token))
        await _tell(unit, token, SecurityChange.API_TOKEN_CREATED, mail)
        return token

    return await unit_of_work.run(db, work), secret


async def _tell(
    unit: Unit, token: ApiToken, change: SecurityChange, mail: Mail | None = None
) -> None:
    details = {"change": change.value, "name": token.name}
    kind = NotificationKind.SECURITY_CHANGED
    await notifying.notify(unit, [Notice(token.user_id, kind, details=details, mail=mail)])


async def _details(unit: Unit, caller: Principal, token: ApiToken) -> dict[str, Any]:
    """The details of a new API token for the mail to its owner: all but the secret."""
    found = await unit.connection.execute(
        _DEVICE, {"user_id": caller.user_id, "session_id": caller.session_id}
    )
    device = found.one()
    return {
        "name": token.name,
        "scopes": list(token.scopes),
        "daily_limit_minor": token.daily_limit_minor,
        "created_at": text_rules.rfc3339(token.created_at),
        "expires_at": None if token.expires_at is None else text_rules.rfc3339(token.expires_at),
        "user_agent": device.user_agent,
        "ip_address": device.ip_address,
    }


async def list_for(db: Database, user_id: UUID) -> list[ApiToken]:
    """The user's active API tokens, oldest first."""
    rows = await db.read(lambda connection: connection.execute(_LIST, {"user_id": user_id}))
    return [_from_row(row) for row in rows]


async def budget(db: Database, user_id: UUID, api_token_id: UUID) -> TokenBudget:
    """An API token's daily limit and its spending, as the ledger counts them.

    Raises Unauthenticated if it is not active.
    """
    found = await budgets(db, user_id, [api_token_id])
    if api_token_id not in found:
        raise errors.Unauthenticated
    return found[api_token_id]


async def budgets(
    db: Database, user_id: UUID, api_token_ids: Collection[UUID]
) -> dict[UUID, TokenBudget]:
    """The budgets of those of the user's API tokens that are active, in one query."""
    asked = [BudgetOf(user_id, api_token_id) for api_token_id in api_token_ids]
    found = look_ups.read_budgets(await db.rows(look_ups.budgets(asked)))
    return {look_up.api_token_id: budget for look_up, budget in found.items()}


async def revoke(db: Database, caller: Principal, api_token_id: UUID) -> ApiToken:
    """Revoke an API token of the caller.

    Raises Unauthenticated if the caller's session has ended, SessionNotConfirmed, or NotFound if no active
    API token has that id.
    """
    user_id = caller.user_id

    async def work(unit: Unit) -> ApiToken:
        await persons.lock_caller(unit, caller, confirmed=True)
        revoked = await unit.connection.execute(
            _REVOKE, {"user_id": user_id, "id": api_token_id, "now": await unit.clock()}
        )
        row = revoked.one_or_none()
        if row is None:
            raise errors.NotFound
        stored_sessions.announce_ended(unit, user_id, [api_token_id])
        token = _from_row(row)
        await _tell(unit, token, SecurityChange.API_TOKEN_REVOKED)
        return token

    return await unit_of_work.run(db, work)


async def authenticate(db: Database, secret: NamedSecret) -> Principal:
    """The principal with that secret.

    Raises TokenExpired for an expired one, Unauthenticated for a wrong or revoked one.
    """

    async def work(connection: AsyncConnection) -> Row[Any] | None:
        parameters = {"user_id": secret.user_id, "id": secret.row_id}
        return (await connection.execute(_FIND, parameters)).one_or_none()

    row = await db.read(work)
    stored = bytes(32) if row is None else row.secret_hash
    if not hmac.compare_digest(sessions.hash_secret(secret.text), stored) or row is None:
        raise errors.Unauthenticated("The API token is wrong or was revoked. Create another one.")
    if not row.is_active:
        raise sessions.TokenExpired
    return Principal(
        user_id=row.user_id,
        api_token_id=row.id,
        scopes=frozenset(sessions.known_scopes(row.scopes)),
        expires_at=row.expires_at,
    )


async def revoke_within(unit: Unit, user_id: UUID, now: datetime) -> int:
    """Revoke all API tokens of a locked user, within the caller's unit of work; returns how many were active."""
    active = set(await unit.connection.scalars(_ACTIVE_IDS, {"user_id": user_id}))
    parameters = {"user_id": user_id, "now": now}
    revoked = (await unit.connection.scalars(_REVOKE_ALL, parameters)).all()
    stored_sessions.announce_ended(unit, user_id, revoked)
    return len(active.intersection(revoked))


def _from_row(row: Row[Any]) -> ApiToken:
    return ApiToken(
        user_id=row.user_id,
        api_token_id=row.id,
        name=row.name,
        scopes=tuple(sessions.known_scopes(row.scopes)),
        daily_limit_minor=row.daily_limit,
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
    )
