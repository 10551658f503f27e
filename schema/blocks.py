"""Inputs and results of blocking and unblocking users."""

from typing import Annotated

import strawberry

from schema import errors
from schema.viewers import Viewer


@strawberry.input(description="The user to block.")
class BlockUserInput:
    user_id: strawberry.ID = strawberry.field(description="A `User.id`.")


@strawberry.input(description="The user to unblock.")
class UnblockUserInput:
    user_id: strawberry.ID = strawberry.field(description="A `User.id`.")


@strawberry.type(
    description="The user is blocked or unblocked, by this call or an earlier identical one."
)
class BlockedUsersChanged:
    viewer: Viewer = strawberry.field(
        description="The viewer, with the blocked users as they are now."
    )


BlockUserResult = Annotated[
    BlockedUsersChanged | errors.NotFound,
    strawberry.union("BlockUserResult", description="What `blockUser` and `unblockUser` return."),
]
