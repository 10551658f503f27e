"""The epoch of the streams, which tells numbers from before a restore from those after it."""

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
        "The `Viewer.epoch` in which the client has seen that number. Required to continue after any number but 0 "
        "once the service was restored to an earlier point in time; `BAD_USER_INPUT` with the `reason` "
        "`EPOCH_ENDED` means that everything must be read again."
    ),
]


async def of_viewer(viewer: OfViewer, info: Info) -> strawberry.ID:
    return strawberry.ID(str((await info.context.services.live.epoch()).epoch_id))
