"""Which authorities are active: one query for each kind, which the ledger runs under the locks."""

from __future__ import annotations

from dataclasses import dataclass

from persistence.people import credentials


@dataclass(frozen=True, slots=True)
class Source:
    """Where authorities of one kind are stored, by `user_id` and `id`, and which rows are active."""

    table: str
    #: An SQL condition on the row `a`, where the account is open.
    is_active: str

    def of_one(self, user_id: str, authority_id: str) -> str:
        """Selects the id of that authority if it is active; the arguments are parameters."""
        return (
            f"SELECT a.id FROM {self.table} AS a "  # noqa: S608
            f"WHERE a.user_id = {user_id}::uuid AND a.id = {authority_id}::uuid AND {self.is_active}"
        )

    def of_many(self, user_ids: str, authority_ids: str) -> str:
        """Selects the ids of those that are active; the arguments are parameters."""
        return (
            f"SELECT a.id FROM unnest({user_ids}::uuid[], {authority_ids}::uuid[]) "  # noqa: S608
            f"AS asked (user_id, id), {self.table} AS a "
            f"WHERE a.user_id = asked.user_id AND a.id = asked.id AND {self.is_active}"
        )


SESSIONS = Source("sessions", credentials.session_is_active("a"))
API_TOKENS = Source("api_tokens", credentials.api_token_is_active("a"))
