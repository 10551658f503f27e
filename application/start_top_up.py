"""Start a top-up: record it, then have the provider create a page on which it is paid."""

from __future__ import annotations

from decimal import Decimal

from application import attend_top_up
from application.services import Services
from domain.ledger import transfers
from domain.people.sessions import Principal
from domain.top_ups.top_ups import NotAvailable, Request, Status, TopUp
from persistence.top_ups import top_ups


async def execute(
    services: Services, principal: Principal, *, amount: Decimal, idempotency_key: str
) -> tuple[TopUp, bool]:
    """The top-up, and whether an earlier request with the key started it.

    It has no payment page yet if the provider did not answer: the job has it created, or the next request
    with the key. `amount` is in whole units. Raises the refusals of `startTopUp`, or Unavailable.
    """
    provider = services.top_up_provider
    if provider is None:
        raise NotAvailable
    key = transfers.check_idempotency_key(idempotency_key)
    request = Request(amount, key, provider.name)
    top_up, replayed = await top_ups.start(services.database, principal, request, services.limits)
    if top_up.status is Status.PENDING and top_up.session is None:
        top_up = await attend_top_up.create_session(
            services.database,
            provider,
            top_up,
            currency=services.limits.currency.code,
            app_url=services.settings.app_url,
        )
    return top_up, replayed
