"""The job that sends one mail and stores the outcome in the database."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from uuid import UUID

import structlog

from adapters import mailer
from domain import errors, ids
from domain.people import accounts, sessions
from jobs import mail_templates
from jobs.services import JobServices, current_bench
from persistence.delivery import mails
from persistence.notifications import notification_views

log = structlog.get_logger()

#: While a worker is sending a mail, it renews its lease, so that no other worker sends it too.
_RENEWAL_SECONDS = mails.LEASE_SECONDS / 4


def send_mail(user_id: str, mail_id: str) -> None:
    """What RQ calls."""
    bench = current_bench.get()
    bench.run(send(bench.services, UUID(user_id), UUID(mail_id)))


async def send(services: JobServices, user_id: UUID, mail_id: UUID) -> None:
    """Try to send the mail once, if it is due. Its row says when it is tried again, and how often."""
    mail = await mails.take(services.database, user_id, mail_id)
    if mail is None:
        return
    token = None
    notification = None
    if mail.purpose in accounts.LINK_LIFETIMES:
        token = await _new_link(services, mail)
        if token is None:
            return
    details = {"mail_id": str(mail_id), "purpose": mail.purpose.value}
    try:
        number = mail_templates.notification_number(mail.purpose, mail.details)
        if number is not None:
            found = await notification_views.by_numbers(services.database, user_id, [number])
            notification = found[0] if found else None
        rendered = mail_templates.render(
            mail.purpose,
            mail.person,
            app_url=services.app_url,
            token=token,
            currency=services.currency,
            details=mail.details,
            notification=notification,
        )
        async with _lease_renewed(services, mail):
            with services.spans.delivering("mail", 1):
                await asyncio.to_thread(
                    services.mailer.send,
                    to=mail.person.email,
                    subject=rendered.subject,
                    text=rendered.text,
                    html=rendered.html,
                    message_id=str(mail_id),
                )
    except mail_templates.UnreadableDetails as trouble:
        log.error("a mail was not sent: this release cannot read its details", **details)
        await mails.refused(services.database, mail, permanent=False, error=str(trouble))
    except mailer.Refused as refusal:
        log.warning(
            "a mail was refused", permanent=refusal.permanent, reason=str(refusal), **details
        )
        await mails.refused(
            services.database, mail, permanent=refusal.permanent, error=str(refusal)
        )
    except mailer.Unreachable as trouble:
        log.warning("the mail server is unreachable", reason=str(trouble), **details)
        await mails.unreachable(services.database, mail, error=str(trouble))
    else:
        await mails.sent(services.database, mail)
        log.info("a mail was sent", **details)


@contextlib.asynccontextmanager
async def _lease_renewed(services: JobServices, mail: mails.MailToSend) -> AsyncIterator[None]:
    async def renew() -> None:
        while True:
            await asyncio.sleep(_RENEWAL_SECONDS)
            with contextlib.suppress(errors.Unavailable):
                await mails.renew(services.database, mail)

    renewing = asyncio.create_task(renew())
    try:
        yield
    finally:
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)


async def _new_link(services: JobServices, mail: mails.MailToSend) -> str | None:
    """A new token, of which only the hash is stored; None if the mail has been withdrawn."""
    link_id = ids.new_id()
    token = sessions.new_link_token(mail.person.user_id, link_id)
    is_added = await mails.add_link(
        services.database, mail, token_hash=sessions.hash_secret(token), link_id=link_id
    )
    return token if is_added else None
