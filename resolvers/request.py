"""One request, or one WebSocket: who asks, from where, and the cookie that goes back."""

from __future__ import annotations

from dataclasses import dataclass, field

from domain import errors, sessions
from resolvers.reads import Reads
from resolvers.services import Services

REFRESH_COOKIE = "wallet_refresh"
REFRESH_COOKIE_PATH = "/graphql"
REFRESH_COOKIE_SECONDS = int(sessions.SESSION_IDLE_LIFETIME.total_seconds())
_USER_AGENT_MAXIMUM_CHARACTERS = 300


@dataclass(slots=True)
class RequestContext:
    """What resolvers know of a request: `info.context`."""

    services: Services
    #: Already authenticated (resolvers.authentication); None when signed out.
    principal: sessions.Principal | None
    client_ip: str
    user_agent: str | None = None
    refresh_cookie: str | None = None
    request_id: str = ""
    #: Whether the answer can carry a cookie: not over a WebSocket.
    can_set_cookies: bool = True
    #: The refresh cookie that the answer sets: None leaves it, "" clears it.
    cookie_to_set: str | None = None
    reads: Reads = field(init=False)

    def __post_init__(self) -> None:
        self.reads = Reads(self.services)

    @property
    def caller(self) -> sessions.Principal:
        """Who asks. Raises Unauthenticated when signed out."""
        if self.principal is None:
            raise errors.Unauthenticated
        return self.principal

    @property
    def device(self) -> str | None:
        """The User-Agent as a session shows it: printable and of bounded length."""
        if self.user_agent is None:
            return None
        printable = "".join(c if c.isprintable() else " " for c in self.user_agent)
        return printable[:_USER_AGENT_MAXIMUM_CHARACTERS].strip() or None

    def set_refresh_cookie(self, token: str) -> None:
        self.cookie_to_set = token

    def clear_refresh_cookie(self) -> None:
        """Have the browser forget it, if it sent one."""
        if self.refresh_cookie is not None:
            self.cookie_to_set = ""


def render_refresh_cookie(value: str, *, secure: bool) -> str:
    """The Set-Cookie header for `cookie_to_set` (RFC 6265); an empty value clears the cookie."""
    lifetime_seconds = REFRESH_COOKIE_SECONDS if value else 0
    return (
        f"{REFRESH_COOKIE}={value}; Path={REFRESH_COOKIE_PATH}; Max-Age={lifetime_seconds}; "
        f"HttpOnly; SameSite=Strict{'; Secure' if secure else ''}"
    )
