"""Functions shared by the use cases for passwords and links in mails."""

from __future__ import annotations

import hmac

from application.services import Services
from domain import errors
from domain.people import sessions


def salt_seed(services: Services, email: str) -> bytes:
    """Registrations of one address share a salt, so that signing in to any of them costs one hash.

    Derived from the address instead of copied between rows, because several may register concurrently.
    """
    secret = services.settings.jwt_secrets[0]
    return hmac.digest(secret.encode(), b"registration salt\0" + email.encode(), "sha256")


def link_token(token: str) -> sessions.NamedSecret:
    """The token of a mailed link. Raises InvalidToken if malformed."""
    secret = sessions.read_link_token(token)
    if secret is None:
        raise errors.InvalidToken
    return secret
