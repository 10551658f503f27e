"""What owners do with exports of their data: request, list and download."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from application.services import Services
from domain import errors
from domain.exports import data_exports, links
from domain.exports.data_exports import DataExport
from domain.people.sessions import Principal
from persistence.leaving import exports
from persistence.people import sessions


@dataclass(frozen=True, slots=True)
class Archive:
    """The file of an export."""

    size: int
    content: AsyncIterator[bytes]


async def request(services: Services, caller: Principal) -> str:
    """Request an export, unless one is pending; the address that is told when it is ready.

    Raises Unauthenticated, or SessionNotConfirmed.
    """
    await exports.request(services.database, caller)
    person = await services.person(caller.user_id)
    if person is None:
        raise errors.Unauthenticated
    return person.email


async def listed(services: Services, caller: Principal) -> list[DataExport]:
    """The caller's exports, the latest first. Raises Unavailable."""
    return await exports.list_for(services.database, caller.user_id)


async def link(services: Services, caller: Principal, export: DataExport) -> str | None:
    """The address of the archive for five minutes; None unless it can be downloaded.

    Raises SessionNotConfirmed: who has only a stolen session reads no archive.
    """
    now = services.clock()
    if not export.is_downloadable(now):
        return None
    if not await sessions.is_confirmed(services.database, caller):
        raise errors.SessionNotConfirmed
    named = links.Link(caller, export.export_id, now)
    token = links.render(named, links.keyring(services.settings.jwt_secrets))
    return f"{services.settings.app_url}{links.PATH}{token}"


async def opened(services: Services, token: str) -> links.Link:
    """What the last part of a link's path gives access to.

    Raises NotFound if it is not genuine, LinkExpired, Unauthenticated if the session that requested it
    has ended, or Unavailable.
    """
    keys = links.keyring(services.settings.jwt_secrets)
    found = links.read(token, keys, services.clock())
    await services.live.ensure_active(found.principal)
    return found


async def archive(services: Services, of_link: links.Link) -> Archive:
    """The file of a link. Raises ExportExpired, or Unavailable."""
    user_id = of_link.principal.user_id
    export = await exports.find(services.database, user_id, of_link.export_id)
    if export is None or export.size is None or not export.is_downloadable(services.clock()):
        raise data_exports.ExportExpired
    return Archive(export.size, exports.content(services.database, export))
