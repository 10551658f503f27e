"""Blocking users."""

from __future__ import annotations

from application import block_user as application
from domain import ids
from domain.people.accounts import Person
from resolvers.operations import Info
from resolvers.viewer_fields import OfViewer
from schema import blocks, people, viewers


async def listed(viewer: OfViewer, info: Info) -> list[people.User]:
    user_id = viewer.person.user_id
    found = await application.blocked(info.context.services, user_id)
    return people.shown_together(found, to=user_id)


async def block_user(info: Info, input: blocks.BlockUserInput) -> blocks.BlockUserResult:  # noqa: A002
    services, caller = info.context.services, info.context.caller
    person = await application.block(services, caller, ids.read_row_id(input.user_id, "User"))
    return _changed(info, person)


async def unblock_user(info: Info, input: blocks.UnblockUserInput) -> blocks.BlockUserResult:  # noqa: A002
    services, caller = info.context.services, info.context.caller
    person = await application.unblock(services, caller, ids.read_row_id(input.user_id, "User"))
    return _changed(info, person)


def _changed(info: Info, person: Person) -> blocks.BlockedUsersChanged:
    context = info.context
    currency = context.services.limits.currency
    return blocks.BlockedUsersChanged(viewer=viewers.shown(person, context.caller, currency))
