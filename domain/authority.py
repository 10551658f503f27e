"""Authorities: on whose behalf a command acts, and with which credential.

Each kind of authority has one query that says whether it is active, next to the rule in
`persistence`. The ledger runs it under the account locks, so that an authority that has ended posts
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Authority:
    """Acts on the account of `user_id`; `id` identifies the authority among those of its kind."""

    user_id: UUID
    id: UUID

    @property
    def api_token_id(self) -> UUID | None:
        """The API token, recorded in the entries that it requests; None for any other kind."""
        return None


@dataclass(frozen=True, slots=True)
class Session(Authority):
    """The user, signed in. `id` is the session's."""


@dataclass(frozen=True, slots=True)
class ApiToken(Authority):
    """A program, by an API token of the user. `id` is the token's."""

    @property
    def api_token_id(self) -> UUID | None:
        return self.id


@dataclass(frozen=True, slots=True)
class Schedule(Authority):
    """A scheduled transfer, while it is active. `id` is its id."""
