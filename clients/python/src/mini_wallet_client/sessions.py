"""The tokens of a session."""

from __future__ import annotations

from dataclasses import dataclass, field

from mini_wallet_client.models import Credentials


@dataclass(frozen=True)
class Session:
    """The tokens of a signed-in user. Keep the newest: each is replaced when it is used."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)

    @classmethod
    def of(cls, credentials: Credentials) -> Session:
        """From what signing in or refreshing answered."""
        assert credentials.refresh_token is not None, "without useCookie there is one"
        return cls(credentials.access_token, credentials.refresh_token)
