"""Resolves the fields of `Viewer` that need another query (schema.context.Reads)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import schema.connections
import schema.money
import schema.people
import schema.sessions
import schema.transactions
from application import read_credentials, read_ledger
from application.services import Services
from domain import errors, ids, paging
from domain.ledger import kinds, metadata, transfers
from domain.ledger.metadata import Pair
from domain.people.sessions import Principal
from persistence.ledger import pages
from schema.arguments import given

CONTACTS_DEFAULT = 8
_TEXT_MAXIMUM_CHARACTERS = 140


class Reads:
    """Reads for a viewer whose permission the caller has checked."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def balance_at(self, user_id: UUID, time: datetime) -> schema.money.Money:
        """The balance at that instant. Raises BadUserInput for one in the future."""
        balance_minor = await read_ledger.balance_at(self._services, user_id, time)
        return schema.money.shown_minor(balance_minor, self._services.limits.currency)

    async def transactions(
        self,
        user_id: UUID,
        page: paging.PageRequest,
        chosen: schema.transactions.TransactionFilter | None,
    ) -> schema.transactions.TransactionConnection:
        """A page of the ledger, newest first. Raises BadUserInput for a cursor of another list."""
        entry_filter = _entry_filter(chosen)
        name = schema.transactions.LIST_NAME
        request = replace(
            page,
            after=schema.connections.read_number(page.after, name),
            before=schema.connections.read_number(page.before, name),
        )
        found: paging.Page[transfers.Entry] = paging.Page(items=[])
        if entry_filter is not None:
            found = await read_ledger.page(self._services, user_id, entry_filter, request)
        nodes = await self.shown_entries(found.items, of=user_id)
        edges = [
            schema.transactions.TransactionEdge(cursor=schema.transactions.cursor(node), node=node)
            for node in nodes
        ]
        return schema.transactions.TransactionConnection(
            edges=edges,
            nodes=nodes,
            page_info=schema.connections.page_info(
                found, [edge.cursor for edge in edges], schema.transactions.LIST_NAME
            ),
        )

    async def transaction_by_key(
        self, user_id: UUID, kind: kinds.Kind, key: str
    ) -> schema.transactions.Transaction | None:
        """The transaction posted with the key. Raises BadUserInput for a malformed key."""
        entry = await read_ledger.entry_by_key(self._services, user_id, kind, key)
        return None if entry is None else (await self.shown_entries([entry]))[0]

    async def transaction_by_reference(
        self, user_id: UUID, reference: str
    ) -> schema.transactions.Transaction | None:
        """The user's own entry of the transaction with that reference."""
        named = ids.read_uuid(reference)
        if named is None:
            return None
        entry = await read_ledger.entry_by_reference(self._services, user_id, named)
        return None if entry is None else (await self.shown_entries([entry]))[0]

    async def contacts(self, user_id: UUID, first: int | None) -> Sequence[schema.people.User]:
        """The users that the viewer exchanged money with, most recent first."""
        size = CONTACTS_DEFAULT if first is None else first
        people = await read_ledger.contacts(self._services, user_id, size)
        return schema.people.shown_together(people, to=user_id)

    async def sessions(self, principal: Principal) -> Sequence[schema.sessions.Session]:
        """The viewer's active sessions."""
        listed = await read_credentials.active_sessions(self._services, principal.user_id)
        return [schema.sessions.shown_session(session, principal) for session in listed]

    async def api_tokens(self, principal: Principal) -> Sequence[schema.sessions.ApiToken]:
        """The viewer's active API tokens."""
        currency = self._services.limits.currency
        listed = await read_credentials.active_api_tokens(self._services, principal.user_id)
        return [
            schema.sessions.shown_api_token(token, currency, remaining_minor=remaining_minor)
            for token, remaining_minor in listed
        ]

    async def shown_entries(
        self, entries: Sequence[transfers.Entry], *, of: UUID | None = None
    ) -> list[schema.transactions.Transaction]:
        """The entries as their owners see them; one query reads all counterparties.

        `of` is the owner, if all entries have the same one.
        """
        currency = self._services.limits.currency
        id_of = None if of is None else schema.transactions.ids_of(of)
        return [
            schema.transactions.shown(view.entry, view.counterparty, currency, view.metadata, id_of)
            for view in await read_ledger.views(self._services, entries)
        ]


def _entry_filter(
    chosen: schema.transactions.TransactionFilter | None,
) -> pages.EntryFilter | None:
    """The filter for the ledger; None if nothing can match."""
    if chosen is None:
        return pages.EVERY
    counterparty_id = None
    named = given(chosen.counterparty_id)
    if named is not None:
        counterparty_id = ids.read_row_id(named, "User")
        if counterparty_id is None:
            return None
    pair = given(chosen.metadata)
    text = given(chosen.text)
    if text is not None and len(text) > _TEXT_MAXIMUM_CHARACTERS:
        raise errors.BadUserInput(
            f"`filter.text` takes at most {_TEXT_MAXIMUM_CHARACTERS} characters."
        )
    return pages.EntryFilter(
        kind=given(chosen.kind),
        direction=given(chosen.direction),
        counterparty_id=counterparty_id,
        created_after=given(chosen.created_after),
        created_from=given(chosen.created_from),
        created_before=given(chosen.created_before),
        metadata=None if pair is None else _metadata_pair(pair),
        text=text,
    )


def _metadata_pair(chosen: schema.transactions.MetadataEntryInput) -> Pair:
    """The pair as it is stored. Raises BadUserInput for one that no transaction can carry."""
    try:
        cleaned = metadata.clean(metadata.of([(chosen.key, chosen.value)]))
    except errors.InvalidInput as refusal:
        raise errors.BadUserInput(f"`filter.metadata`: {refusal.message}") from None
    assert cleaned is not None
    return cleaned.pairs[0]
