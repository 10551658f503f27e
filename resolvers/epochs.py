"""The epoch of the streams, which distinguishes numbers assigned before a restore from those assigned after it."""

from __future__ import annotations

from typing import Annotated

import strawberry

from resolvers.operations import Info
from resolvers.viewer_fields import OfViewer
from schema.arguments import Description

#: The argument of subscriptions.
EPOCH = Annotated[
    strawberry.ID | None,
    Description(
        "The `Viewer.epoch` in which the client received that number. Once the service has been restored to an earlier "
        "point in time, it is required to continue after any number but 0. `BAD_USER_INPUT` with the `reason` "
        "`EPOCH_ENDED` means that the client must read everything again."
    ),
]


async def of_viewer(viewer: OfViewer, info: Info) -> strawberry.ID:
    return strawberry.ID(str((await info.context.services.live.epoch()).epoch_id))
