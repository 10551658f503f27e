"""The context that fields with resolvers depend on; `resolvers` implements it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain import paging
from domain.ledger import kinds
from domain.people.sessions import Principal
from schema.money import Money
from schema.people import User
from schema.sessions import ApiToken, Session
from schema.transactions import Transaction, TransactionConnection, TransactionFilter


class Reads(Protocol):
    """The fields of `Viewer` that need another query."""

    async def balance_at(self, user_id: UUID, time: datetime) -> Money:
        """Raises BadUserInput for a time in the future."""
        ...

    async def transactions(
        self, user_id: UUID, page: paging.PageRequest, chosen: TransactionFilter | None
    ) -> TransactionConnection:
        """Raises BadUserInput for a cursor of another list."""
        ...

    async def transaction_by_key(
        self, user_id: UUID, kind: kinds.Kind, key: str
    ) -> Transaction | None:
        """Raises BadUserInput for a malformed key."""
        ...

    async def transaction_by_reference(
        self, user_id: UUID, reference: str
    ) -> Transaction | None: ...

    async def contacts(self, user_id: UUID, first: int | None) -> Sequence[User]:
        """Raises BadUserInput for a number out of range."""
        ...

    async def sessions(self, principal: Principal) -> Sequence[Session]: ...

    async def api_tokens(self, principal: Principal) -> Sequence[ApiToken]: ...


class Context(Protocol):
    """The type of `info.context`."""

    @property
    def reads(self) -> Reads: ...
