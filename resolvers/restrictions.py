"""Restrictions of the viewer's account."""

from __future__ import annotations

import application.read_restrictions
from domain.people.restrictions import Restriction
from resolvers import bound_fields
from resolvers.viewer_fields import OfViewer


async def of_viewer(viewer: OfViewer, info: bound_fields.Info) -> list[Restriction]:
    user_id = viewer.person.user_id
    return await application.read_restrictions.execute(info.context.services, user_id)
