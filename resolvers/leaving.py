"""Leaving: closing the account."""

from __future__ import annotations

import application.close_account
from resolvers.operations import Info
from schema import leaving


async def close_account(
    info: Info,
    input: leaving.CloseAccountInput,  # noqa: A002
) -> leaving.CloseAccountResult:
    erased_at = await application.close_account.execute(
        info.context.services, info.context.caller, password=input.password
    )
    return leaving.AccountClosed(erased_at=erased_at)
