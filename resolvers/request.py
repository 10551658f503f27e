"""The context of a request or a WebSocket: the caller, the client, and the cookies of the response."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from adapters.rate_limiter import Usage
from application.allowances import Block
from application.origins import Origin
from application.services import Services
from domain import errors, text
from domain.people import sessions
from resolvers.bound_fields import Loaders
from resolvers.reads import Reads

_USER_AGENT_MAXIMUM_CHARACTERS = 300


@dataclass(slots=True)
class RequestContext:
    """What resolvers know about a request: `info.context`."""

    services: Services
    #: Already authenticated (application.authentication); None when signed out.
    principal: sessions.Principal | None
    client_ip: str
    user_agent: str | None = None
    refresh_cookie: str | None = None
    #: Whether the browser still has a cookie of an older version, which the response deletes.
    has_outdated_cookie: bool = False
    #: Identifies a browser that has signed in before (domain.people.devices).
    device_token: str | None = None
    request_id: str = ""
    #: Whether the response can set a cookie: not over a WebSocket.
    can_set_cookies: bool = True
    #: The refresh cookie that the response sets: None leaves it, "" deletes it.
    cookie_to_set: str | None = None
    #: How long the browser keeps it.
    cookie_seconds: int = 0
    #: The device token that the response sets.
    device_token_to_set: str | None = None
    #: Of the limits that the request counted against, the one that is closest to exhaustion.
    usage: Usage | Block | None = None
    #: What `resolvers.bound_fields` reads together.
    loaders: Loaders | None = None
    reads: Reads = field(init=False)

    def __post_init__(self) -> None:
        self.reads = Reads(self.services)

    @property
    def caller(self) -> sessions.Principal:
        """The caller. Raises Unauthenticated when signed out."""
        if self.principal is None:
            raise errors.Unauthenticated
        return self.principal

    @property
    def origin(self) -> Origin:
        """The client address, and the User-Agent as shown for a session."""
        return Origin(self.client_ip, _device(self.user_agent), self.device_token)

    def count(self, usage: Usage | Block) -> None:
        """Note what a use has left of its limit. Raises RateLimited if the limit refused it."""
        kept = self.usage
        if kept is None or usage.remaining * kept.quota < kept.remaining * usage.quota:
            self.usage = usage
        if usage.wait_seconds:
            raise errors.RateLimited(usage.wait_seconds, usage)

    def set_refresh_cookie(self, token: str, lifetime: timedelta) -> None:
        """Have the browser store the refresh token for that long."""
        self.cookie_to_set = token
        self.cookie_seconds = max(int(lifetime.total_seconds()), 0)

    def clear_refresh_cookie(self) -> None:
        """Have the browser delete it, if it sent one."""
        if self.refresh_cookie is not None:
            self.cookie_to_set = ""


def _device(user_agent: str | None) -> str | None:
    """The User-Agent as shown for a session: printable and of limited length."""
    if user_agent is None:
        return None
    visible = text.without_invisible(user_agent)
    printable = "".join(c if c.isprintable() else " " for c in visible)
    return printable[:_USER_AGENT_MAXIMUM_CHARACTERS].strip() or None
