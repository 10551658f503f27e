"""Statements of the viewer's account."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Annotated

import strawberry

from application import read_insights, read_statements
from domain import errors
from resolvers.operations import Info
from resolvers.viewer_fields import OfViewer
from schema import insights as shown_insights
from schema import statements
from schema.errors import InvalidInput, member_of

FROM = Annotated[date, strawberry.argument(name="from", description="The first day.")]
TO = Annotated[
    date, strawberry.argument(description="The last day, inclusive; at the latest today.")
]


async def statement(
    viewer: OfViewer, info: Info, from_: FROM, to: TO
) -> statements.StatementResult:
    services = info.context.services
    try:
        found = await read_statements.statement(
            services, viewer.person.user_id, from_, to, viewer.person.time_zone
        )
    except errors.InvalidInput as refusal:
        return _refused(refusal)
    link = partial(read_statements.link, services, viewer.principal, found)
    return statements.shown(found, services.limits.currency, link)


async def insights(
    viewer: OfViewer,
    info: Info,
    from_: FROM,
    to: TO,
    people: Annotated[
        int, strawberry.argument(description="How many people are listed at most, 0 to 50.")
    ] = 10,
) -> shown_insights.InsightsResult:
    services = info.context.services
    try:
        found = await read_insights.execute(
            services, viewer.person.user_id, from_, to, viewer.person.time_zone, people=people
        )
    except errors.InvalidInput as refusal:
        return _refused(refusal)
    return shown_insights.shown(found.insights, found.people, services.limits.currency)


def _refused(refusal: errors.InvalidInput) -> InvalidInput:
    member = member_of(refusal)
    assert isinstance(member, InvalidInput)
    return member
