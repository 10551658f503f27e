"""The cookie in which browsers keep their refresh token: its name, reading it and setting it (RFC 6265).

Over https it is `__Host-wallet_refresh`, which browsers accept from exactly this host, so that no other
host of the domain can replace it.
"""

from __future__ import annotations

from dataclasses import dataclass

_NAME = "wallet_refresh"
_PATH = "/graphql"
_HOST_NAME = f"__Host-{_NAME}"
_HOST_PATH = "/"


@dataclass(frozen=True, slots=True)
class Received:
    """The refresh cookies of a request."""

    #: The refresh token, or None.
    token: str | None = None
    #: Whether there is more than one, so that the genuine one is unknown.
    is_ambiguous: bool = False
    #: Whether there is one with a former name.
    is_outdated: bool = False


_NOTHING = Received()


def read(header: str | None, *, secure: bool) -> Received:
    """The refresh cookies in the `Cookie` header; `secure` if the service is used over https."""
    if header is None:
        return _NOTHING
    values: dict[str, list[str]] = {_NAME: [], _HOST_NAME: []}
    for pair in header.split(";"):
        name, _, value = pair.strip().partition("=")
        if name in values:
            values[name].append(value.strip('"'))
    current = values[_HOST_NAME if secure else _NAME]
    return Received(
        token=current[0] if current else None,
        is_ambiguous=len(current) > 1,
        is_outdated=secure and bool(values[_NAME]),
    )


def render(token: str, lifetime_seconds: int, *, secure: bool) -> str:
    """The `Set-Cookie` header that stores the token for that long."""
    name, path = (_HOST_NAME, _HOST_PATH) if secure else (_NAME, _PATH)
    return set_cookie(name, token, path, lifetime_seconds, secure=secure)


def clear(*, secure: bool) -> str:
    """The `Set-Cookie` header that deletes the token."""
    return render("", 0, secure=secure)


def clear_outdated() -> str:
    """The `Set-Cookie` header that deletes the cookie of an older version."""
    return set_cookie(_NAME, "", _PATH, 0, secure=True)


def set_cookie(name: str, value: str, path: str, seconds: int, *, secure: bool) -> str:
    """A `Set-Cookie` header, inaccessible to scripts and to other sites."""
    return (
        f"{name}={value}; Path={path}; Max-Age={seconds}; "
        f"HttpOnly; SameSite=Strict{'; Secure' if secure else ''}"
    )
