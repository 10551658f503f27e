"""Fields of `Viewer` that are bound in the operations table."""

from __future__ import annotations

import pytest
from strawberry.types import get_object_definition

from domain.people.sessions import Scope
from resolvers import root
from resolvers.operations import Info
from resolvers.viewer_fields import OfViewer, extend_viewer, viewer_field, with_scope
from schema.viewers import Viewer


async def _listed(viewer: OfViewer, info: Info) -> list[str]:
    return [info.context.request_id, viewer.id]


def test_a_field_that_the_viewer_has_already_is_not_bound() -> None:
    before = list(get_object_definition(Viewer, strict=True).fields)
    field = viewer_field(_listed, with_scope(Scope.READ_PROFILE), description="Strings.")
    with pytest.raises(ValueError, match="email"):
        extend_viewer(type("Fields", (), {"email": field}))
    assert get_object_definition(Viewer, strict=True).fields == before


def test_a_bound_field_has_the_type_cost_and_requirement_of_its_row() -> None:
    fields = root.strawberry_schema()._schema.type_map["Viewer"].fields  # type: ignore[attr-defined]
    webhooks = fields["webhooks"]
    assert str(webhooks.type) == "[Webhook!]!"
    assert webhooks.description.endswith(
        "An API token needs the scope `MANAGE_WEBHOOKS` and sees those that it created."
    )
    assert set(fields["notifications"].args) == {"first", "after", "unreadOnly"}
    assert root.FIELD_COSTS["webhooks"] == root.FIELD_COSTS["unreadNotifications"] == 5
    assert root.USUAL_LENGTHS["webhooks"] == 10
