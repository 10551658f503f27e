"""Create an API token, with which a program acts for its owner."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from application.services import Services
from domain import errors, text
from domain.ledger import money, transfers
from domain.people.sessions import ApiToken, Principal, Scope
from persistence.people import api_tokens


async def execute(
    services: Services,
    principal: Principal,
    *,
    name: str,
    scopes: Sequence[Scope],
    daily_limit: Decimal | None,
    expires_at: datetime | None,
) -> tuple[ApiToken, str]:
    """The token and its secret, which is stored nowhere. `daily_limit` is in whole units.

    Raises InvalidInput, which names every invalid field, InvalidAmount or SessionNotConfirmed.
    """
    _check(services, name, scopes, expires_at)
    daily_limit_minor = None
    if daily_limit is not None:
        daily_limit_minor = transfers.check_amount(
            daily_limit,
            services.limits,
            maximum_minor=money.MAXIMUM_LIMIT_MINOR,
            what="The daily limit",
        )
    created = await api_tokens.create(
        services.database,
        principal,
        name=text.clean_name(name),
        scopes=scopes,
        daily_limit_minor=daily_limit_minor,
        expires_at=expires_at,
    )
    services.wake_relay()
    return created


def _check(
    services: Services, name: str, scopes: Sequence[Scope], expires_at: datetime | None
) -> None:
    """Raises InvalidInput, which names every invalid field."""
    invalid: list[errors.FieldError] = []
    try:
        text.clean_name(name)
    except errors.InvalidInput as refusal:
        invalid.extend(refusal.fields)
    if not scopes:
        invalid.append(errors.FieldError(("scopes",), "Choose at least one scope."))
    elif len(set(scopes)) < len(scopes):
        invalid.append(errors.FieldError(("scopes",), "Name each scope once."))
    if expires_at is not None and expires_at <= services.clock():
        invalid.append(errors.FieldError(("expiresAt",), "Choose a time in the future."))
    if invalid:
        raise errors.InvalidInput(invalid)
