"""Users, as other users see them."""

from collections.abc import Iterable
from functools import lru_cache
from uuid import UUID

import strawberry

from domain import ids
from domain.people import accounts, handles
from schema import errors
from schema.arguments import resolved
from schema.connections import PageInfo
from schema.nodes import Node


@strawberry.type(description="A user of the wallet, as other users see them.")
class User(Node):
    name: str = strawberry.field(description="The user's current name.")
    handle: str | None = strawberry.field(
        description=(
            'Unique name by which the user can be found and paid, such as "anna.b"; null if none has been '
            "chosen."
        )
    )
    email: strawberry.Private[str]
    #: What is shown of the address, where that is not the usual hint.
    hint: strawberry.Private[str | None]

    @resolved(
        'Enough of the address to recognise a user by, such as "u…a@demo.app"; complete only for'
        " the viewer. Longer in a list where two users would otherwise look the same. Empty when signed "
        "out."
    )
    def email_hint(self) -> str:
        return accounts.email_hint(self.email) if self.hint is None else self.hint


@errors.represents(handles.HandleTaken)
@strawberry.type(description="The handle is in use or was released less than 90 days ago.")
class HandleTaken(errors.UserError):
    pass


@strawberry.type(description="A user's place in the list.")
class UserEdge:
    cursor: str = strawberry.field(description="For `after`.")
    node: User = strawberry.field(description="The user.")


@strawberry.type(description="A page of users, best match first.")
class UserConnection:
    edges: list[UserEdge] = strawberry.field(description="The page, with cursors.")
    nodes: list[User] = strawberry.field(description="The page, without cursors.")
    page_info: PageInfo = strawberry.field(
        description="Whether there are further pages, and how to continue."
    )


@lru_cache(maxsize=4_096)
def global_id(user_id: UUID) -> strawberry.ID:
    """The API's id of a user."""
    return strawberry.ID(ids.global_id("User", user_id))


def shown(person: accounts.Person, *, to: UUID | None) -> User:
    """The user as the viewer `to` sees them: the complete address is shown to its owner only, and nothing
    of it to a client that is signed out (None)."""
    hint = None
    if to is None:
        hint = ""
    elif person.user_id == to:
        hint = person.email
    return User(
        id=global_id(person.user_id),
        name=person.name,
        handle=person.handle,
        email=person.email,
        hint=hint,
    )


def shown_together(people: Iterable[accounts.Person], *, to: UUID) -> list[User]:
    """The users of one list: the hints of users who would otherwise look the same are longer."""
    people = list(people)
    hints = accounts.hints_side_by_side(people)
    return [
        User(
            id=global_id(person.user_id),
            name=person.name,
            handle=person.handle,
            email=person.email,
            hint=person.email if person.user_id == to else hints[person.user_id],
        )
        for person in people
    ]
