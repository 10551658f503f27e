"""Executes the documents of webhooks, with the plans that subscribers use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app import api, served_schema
from application.services import ReadServices
from application.webhook_payloads import NotRendered, Rendered
from domain import errors
from domain.ledger import money
from domain.people.sessions import Principal
from domain.webhooks import Webhook, WebhookStream
from graphql_server.rendering import Renderer, RenderingFailed, Unsuitable
from persistence.engine.database import Database
from persistence.ledger.entry_views import EntryView
from resolvers.bound_fields import Loaders
from schema import events, notifications
from settings import Settings

_MONEY = "{ amount currency }"
_TRANSACTION = f"""{{
        id
        reference
        sequence
        kind
        direction
        amount {_MONEY}
        fee {_MONEY}
        counterparty {{ id name emailHint }}
        note
        metadata {{ key value }}
        balanceAfter {_MONEY}
        createdAt
        seal
      }}"""
_WALLET_EVENTS = f"""subscription {{
  walletEvents {{
    __typename
    sequence
    balance {_MONEY}
    ... on TransactionPosted {{
      transaction {_TRANSACTION}
    }}
  }}
}}
"""
_NOTIFICATIONS = f"""subscription {{
  notifications {{
    id
    number
    kind
    message
    createdAt
    isRead
    transaction {_TRANSACTION.replace(chr(10) + "  ", chr(10))}
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Rule:
    """How the events of a stream become those of a subscription."""

    #: The root field.
    field: str
    #: The document of a webhook that was created without one.
    default: str
    #: The event as the API shows it.
    shown: Callable[[Any, money.Currency], Any]
    number: Callable[[Any], int]
    created_at: Callable[[Any], datetime]


def _entry_event(view: EntryView, currency: money.Currency) -> events.WalletEvent:
    return events.transaction_posted(view.entry, view.counterparty, currency, view.metadata)


RULES: Mapping[WebhookStream, Rule] = {
    WebhookStream.WALLET_EVENTS: Rule(
        field="walletEvents",
        default=_WALLET_EVENTS,
        shown=_entry_event,
        number=lambda view: view.entry.sequence,
        created_at=lambda view: view.entry.created_at,
    ),
    WebhookStream.NOTIFICATIONS: Rule(
        field="notifications",
        default=_NOTIFICATIONS,
        shown=notifications.shown,
        number=lambda view: view.notification.number,
        created_at=lambda view: view.notification.created_at,
    ),
}


@dataclass(slots=True)
class Context:
    """What the fields of an event may know: on whose behalf they are read, and what reads them."""

    principal: Principal
    services: ReadServices
    loaders: Loaders | None = None
    client_ip: str = ""
    request_id: str = ""


class WebhookDocuments:
    """Implements application.webhook_payloads.Documents."""

    def __init__(
        self,
        services: ReadServices | None,
        *,
        hardened: bool = False,
        is_compiled: bool = True,
    ) -> None:
        """None for documents that are only checked."""
        self._services = services
        self._renderer = Renderer(
            served_schema.build(),
            api.operations_table(),
            api.refusal,
            hardened=hardened,
            is_compiled=is_compiled,
        )

    @classmethod
    def of(cls, settings: Settings, database: Database) -> WebhookDocuments:
        """As the settings say."""
        return cls(
            ReadServices(settings, settings.read_limits(), database),
            hardened=settings.graphql_profile == "hardened",
            is_compiled=settings.graphql_executor == "compiled",
        )

    def default(self, stream: WebhookStream) -> str:
        return RULES[stream].default

    def problem(self, stream: WebhookStream, document: str) -> str | None:
        try:
            self._renderer.check(document, RULES[stream].field)
        except Unsuitable as error:
            return str(error)
        return None

    async def render(self, webhook: Webhook, event: Any) -> Rendered:
        rule = RULES[webhook.stream]
        services = self._services
        assert services is not None
        shown = rule.shown(event, services.limits.currency)
        context = Context(webhook.principal, services)
        try:
            result = await self._renderer.render(webhook.document, rule.field, context, shown)
        except Unsuitable as error:
            raise NotRendered(f"The document is not valid any more: {error}") from None
        except RenderingFailed as error:
            if error.is_temporary:
                raise errors.Unavailable from None
            raise NotRendered(f"The event could not be rendered: {error}") from None
        return Rendered(rule.number(event), rule.created_at(event), result)
