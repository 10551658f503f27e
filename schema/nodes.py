"""The interface of all objects with an id (Relay's global object identification)."""

import strawberry


@strawberry.interface(description="An object that can be read again by its id.")
class Node:
    id: strawberry.ID = strawberry.field(
        description="Opaque, never changes, and unique across all types."
    )
