"""Previews say who would get the money, and which of the viewer's recipients look like them."""

from __future__ import annotations

from typing import Any

import pytest

from domain.people import skeletons
from persistence.people import lookalikes
from tests.resolvers.test_handles import change
from tests.resolvers.world import Someone, World

pytestmark = pytest.mark.anyio

PREVIEW = """
query($amount: Decimal!, $recipient: RecipientInput) {
  transferPreview(amount: $amount, recipient: $recipient) {
    __typename
    ... on TransferPreview {
      total { amount }
      needsConfirmation
      recipient { user { id name handle emailHint } timesPaid lastPaidAt lookalikes { id emailHint } }
    }
  }
}
"""


async def preview(viewer: Someone, amount: str = "1", **recipient: Any) -> Any:
    return (await viewer.ask(PREVIEW, amount=amount, recipient=recipient or None)).one


async def join(world: World, name: str) -> Someone:
    """A user whose name is stored as the service stores it."""
    joined = await world.join("Someone")
    assert (await change(joined, name=name))["__typename"] == "ProfileUpdated"
    return joined


async def lookalikes_of(viewer: Someone, recipient: Someone) -> set[str]:
    check = (await preview(viewer, userId=recipient.id))["recipient"]
    assert check["user"]["id"] == recipient.id
    return {user["id"] for user in check["lookalikes"]}


async def test_a_preview_says_who_would_get_the_money(world: World) -> None:
    viewer, ben = await world.join("Viewer", balance="10"), await world.join("Ben")
    await change(ben, handle="ben.b")
    first = await preview(viewer, handle="@Ben.B")
    assert first["total"] == {"amount": "1.00"}
    assert first["needsConfirmation"] is False
    check = first["recipient"]
    assert (check["user"]["id"], check["user"]["handle"]) == (ben.id, "ben.b")
    assert (check["timesPaid"], check["lastPaidAt"], check["lookalikes"]) == (0, None, [])
    for _ in range(2):
        sent = await viewer.send(ben, "1")
    await ben.send(viewer, "0.50")
    for named in ({"userId": ben.id}, {"email": ben.email}, {"handle": "ben.b"}):
        check = (await preview(viewer, **named))["recipient"]
        assert (check["timesPaid"], check["lastPaidAt"]) == (2, sent["transaction"]["createdAt"])
    assert (await preview(viewer))["recipient"] is None

    for named in ({"userId": viewer.id}, {"email": viewer.email}):
        assert (await preview(viewer, **named))["__typename"] == "CannotPayYourself"
    unverified = await world.join("New", verified=False)
    for named in (
        {"userId": unverified.id}, {"email": unverified.email}, {"email": "not an address"},
        {"handle": "nobody"}, {"userId": "nonsense"}, {"userId": viewer.id[:-4]},
    ):  # fmt: skip
        assert (await preview(viewer, **named))["__typename"] == "RecipientNotFound"
    assert (await preview(viewer, "0", userId=ben.id))["__typename"] == "InvalidAmount"
    answer = await unverified.ask(PREVIEW, amount="1", recipient={"userId": ben.id})
    assert answer.code == "FORBIDDEN"
    assert (await preview(unverified))["__typename"] == "TransferPreview"
    world.sql("UPDATE users SET closed_at = now() WHERE id = %s", ben.user_id)
    assert (await preview(viewer, userId=ben.id))["__typename"] == "RecipientNotFound"


async def test_users_of_one_name_and_one_with_a_cyrillic_letter_are_lookalikes_of_each_other(
    world: World,
) -> None:
    viewer = await world.join("Viewer", balance="10")
    alike = [await join(world, name) for name in ("User Beta", "User Beta", "User Bеta")]
    by_handle = await join(world, "Another")
    await change(by_handle, handle="user.1")
    other = await join(world, "User Gamma")
    await change(other, handle="user.l")
    await viewer.send(other, "1")
    for each in alike:
        # Users whom the viewer has not paid are no lookalikes.
        assert await lookalikes_of(viewer, each) == set()
    for each in alike:
        await viewer.send(each, "1")
    for each in alike:
        assert await lookalikes_of(viewer, each) == {one.id for one in alike} - {each.id}
    assert await lookalikes_of(viewer, by_handle) == {other.id}
    assert await lookalikes_of(viewer, other) == set()
    # A user who only paid the viewer is none.
    payer = await join(world, "User Gamma")
    await payer.add("1")
    await payer.send(viewer, "1")
    assert await lookalikes_of(viewer, other) == set()
    # As many namesakes as a common name has.
    digests = [bytes(key) for key in skeletons.keys("User Beta", None)]
    world.sql(
        "WITH made AS (INSERT INTO users (id, name, search_text, email, email_verified_at, password_hash) "
        "SELECT gen_random_uuid(), 'User Beta', 'user beta', n || '@example.org', now(), '-' "
        "FROM generate_series(1, %s) AS n RETURNING id) "
        "INSERT INTO name_skeletons (user_id, digest) SELECT id, digest FROM made, unnest(%s::bytea[]) AS d (digest)",
        lookalikes.MAXIMUM_NAMESAKES + 1,
        digests,
    )
    for each in alike:
        assert await lookalikes_of(viewer, each) == {one.id for one in alike} - {each.id}
