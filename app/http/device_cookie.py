"""The cookie that identifies a browser that has signed in before (domain.people.devices)."""

from __future__ import annotations

from app.http import refresh_cookie
from domain.people.devices import DEVICE_LIFETIME

_NAME = "wallet_device"
_HOST_NAME = f"__Host-{_NAME}"


def read(header: str | None, *, secure: bool) -> str | None:
    """The device token in the `Cookie` header; the first if there are several."""
    if header is None:
        return None
    wanted = _HOST_NAME if secure else _NAME
    for pair in header.split(";"):
        name, _, value = pair.strip().partition("=")
        if name == wanted:
            return value
    return None


def render(token: str, *, secure: bool) -> str:
    """The `Set-Cookie` header that stores the token."""
    return refresh_cookie.set_cookie(
        _HOST_NAME if secure else _NAME,
        token,
        "/",
        int(DEVICE_LIFETIME.total_seconds()),
        secure=secure,
    )
