"""Authorities: on whose behalf a command acts, and with which credential.

Each kind of authority has one query that says whether it is active, next to the rule in
`persistence`. The ledger runs it under the account locks, so that an authority that has ended posts
nothing.
"""

from __future__ import annotations

from uuid import UUID

from domain.values import value


@value
class Authority:
    """Acts on the account of `user_id`; `id` identifies the authority among those of its kind."""

    user_id: UUID
    id: UUID

    @property
    def api_token_id(self) -> UUID | None:
        """The API token that is recorded in the entries; None if there is none."""
        return None


@value
class Session(Authority):
    """The user, signed in. `id` is the session's."""


@value
class ApiToken(Authority):
    """A program, by an API token of the user. `id` is the token's."""

    @property
    def api_token_id(self) -> UUID | None:
        return self.id


@value
class Schedule(Authority):
    """A scheduled transfer, while it is active. `id` is its id."""

    #: The API token that created it: the runs count towards its daily limit, but do not end with it.
    created_with: UUID | None = None

    @property
    def api_token_id(self) -> UUID | None:
        return self.created_with


@value
class Provider(Authority):
    """The payment provider, about a top-up that was started. `id` is the top-up's."""

    #: The API token that started it.
    created_with: UUID | None = None

    @property
    def api_token_id(self) -> UUID | None:
        return self.created_with


@value
class Operator(Authority):
    """An operator, by a session that a second factor confirmed recently. `id` is the session's."""
