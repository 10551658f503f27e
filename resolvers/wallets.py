"""The viewer's own wallet, and the service's settings."""

from __future__ import annotations

from domain import events, ids
from domain.people.sessions import Principal
from resolvers.nodes import Asked, Found
from resolvers.operations import Info
from resolvers.request import RequestContext
from schema import viewers, wallets


async def viewer(info: Info) -> viewers.Viewer | None:
    context = info.context
    if context.principal is None:
        return None
    person = await context.services.person(context.principal.user_id)
    if person is None:
        return None
    return viewers.shown(person, context.principal, context.services.limits.currency)


async def wallet(info: Info) -> wallets.WalletSettings:
    services, principal = info.context.services, info.context.principal
    settings = services.settings
    pusher = None
    if settings.pusher_configured and settings.pusher_key is not None:
        pusher = wallets.PusherSettings(
            key=settings.pusher_key,
            cluster=settings.pusher_cluster,
            host=settings.pusher_host,
            port=settings.pusher_port,
            use_tls=settings.pusher_use_tls,
            auth_endpoint=f"{settings.app_url}/pusher/auth",
            channel=events.pusher_channel(principal.credential_id) if principal else None,
        )
    return wallets.shown_settings(services.limits, pusher, instant_top_ups=settings.instant_top_ups)


async def by_ids(context: RequestContext, caller: Principal, asked: Asked) -> Found:
    own = [text for text in asked if ids.read_row_id(text, "Viewer") == caller.user_id]
    person = await context.services.person(caller.user_id) if own else None
    if person is None:
        return {}
    currency = context.services.limits.currency
    return {text: viewers.shown(person, caller, currency) for text in own}
