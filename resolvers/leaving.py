"""Leaving: closing the account, and exports of its data."""

from __future__ import annotations

from functools import partial

import application.close_account
from application import data_exports
from resolvers.operations import Info
from resolvers.viewer_fields import OfViewer
from schema import leaving


async def close_account(
    info: Info,
    input: leaving.CloseAccountInput,  # noqa: A002
) -> leaving.CloseAccountResult:
    erased_at = await application.close_account.execute(
        info.context.services, info.context.caller, password=input.password
    )
    return leaving.AccountClosed(erased_at=erased_at)


async def export_data(info: Info) -> leaving.DataExportRequested:
    services, caller = info.context.services, info.context.caller
    return leaving.DataExportRequested(email=await data_exports.request(services, caller))


async def listed(viewer: OfViewer, info: Info) -> list[leaving.DataExport]:
    services, caller = info.context.services, viewer.principal
    found = await data_exports.listed(services, caller)
    return [
        leaving.shown(export, partial(data_exports.link, services, caller, export))
        for export in found
    ]
