"""Closing an account, and exporting its data."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated

import strawberry

from domain.exports import data_exports
from domain.people import leaving
from schema import errors
from schema.arguments import resolved
from schema.enums import described
from schema.money import Money


@strawberry.input(description="The input of `closeAccount`.")
class CloseAccountInput:
    password: str = strawberry.field(description="The password of the account.")


@strawberry.type(
    description=(
        "The account is closed, and all of its sessions, API tokens, webhooks, scheduled transfers and "
        "pending payment requests have ended. Signing in reopens it until personal data is erased."
    )
)
class AccountClosed:
    erased_at: datetime = strawberry.field(description="When personal data will be erased.")


@errors.represents(leaving.BalanceNotZero)
@strawberry.type(description="An account can be closed only when its balance is zero.")
class BalanceNotZero(errors.UserError):
    balance: Money = strawberry.field(description="The viewer's balance.")


@errors.represents(leaving.TopUpPending)
@strawberry.type(description="An account cannot be closed while a top-up is pending.")
class TopUpPending(errors.UserError):
    pass


CloseAccountResult = Annotated[
    AccountClosed | BalanceNotZero | TopUpPending | errors.InvalidCredentials,
    strawberry.union("CloseAccountResult", description="What `closeAccount` returns."),
]


DataExportStatus = described(
    data_exports.ExportStatus,
    "DataExportStatus",
    "The state of a data export.",
    PENDING="The file is being created.",
    READY="The file can be downloaded.",
    FAILED="The file could not be created.",
)


@strawberry.type(description="The export was started. A mail follows when it is ready.")
class DataExportRequested:
    email: str = strawberry.field(description="The address that the mail goes to.")


@strawberry.type(description="An export of all data held about the viewer, as one ZIP file.")
class DataExport:
    #: Makes the link to the archive.
    link: strawberry.Private[Callable[[], Awaitable[str | None]]]
    id: strawberry.ID = strawberry.field(description="Identifies the export.")
    status: data_exports.ExportStatus = strawberry.field(description="The state of the export.")
    requested_at: datetime = strawberry.field(description="When it was requested.")
    expires_at: datetime | None = strawberry.field(
        description="When it is deleted, seven days after it was ready; null while it is pending."
    )
    size: int | None = strawberry.field(
        description="The size of the file in bytes; null unless it is ready."
    )

    @resolved(
        "Download URL under APP_URL, valid without further authentication for five minutes or until the "
        "session that requested it ends. Requires a session confirmed within the last hour. Null unless the "
        "export is ready.",
        cost=5,
    )
    async def download(self) -> str | None:
        return await self.link()


def shown(export: data_exports.DataExport, link: Callable[[], Awaitable[str | None]]) -> DataExport:
    """The export as the API returns it; `link` makes the link to its archive."""
    return DataExport(
        link=link,
        id=strawberry.ID(str(export.export_id)),
        status=export.status,
        requested_at=export.requested_at,
        expires_at=export.expires_at,
        size=export.size,
    )
