"""How long a bearer token stays good, for those who stay connected."""

from __future__ import annotations

from collections.abc import Callable

from application.services import Services
from domain import errors
from domain.people import sessions
from realtime.active_credentials import Watch


def watch(
    services: Services,
    principal: sessions.Principal,
    ended: Callable[[errors.Unauthenticated], None],
) -> Watch:
    """Call `ended` once the token is out of date (TokenExpired) or its session or API token has ended.

    Until `services.live.unwatch`.
    """
    left = None
    if principal.expires_at is not None:
        left = max(0.0, (principal.expires_at - services.clock()).total_seconds())
    return services.live.watch(principal, ended, expires_in_seconds=left)
