"""Links to files are genuine, for a few minutes, and say nothing of what they name."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from domain import errors
from domain.people.sessions import Principal
from domain.statements import links
from domain.statements.links import Link
from domain.statements.periods import Period
from domain.statements.statements import Format

NOW = datetime(2026, 11, 28, 17, 0, 0, 123456, tzinfo=UTC)
KEYS = links.keyring(["a secret of the tests, 32 bytes long"])
LINK = Link(
    Principal(UUID(int=1), session_id=UUID(int=2)),
    Period(date(2026, 1, 1), date(2026, 10, 31), "America/Argentina/Buenos_Aires"),
    17,
    Format.CAMT_053,
    NOW,
)


@pytest.mark.parametrize(
    "link", [LINK, replace(LINK, principal=Principal(UUID(int=1), api_token_id=UUID(int=3)))]
)
def test_a_link_is_read_back_until_it_expires(link: Link) -> None:
    token = links.render(link, KEYS)
    assert len(token) < 400
    assert links.read(token, KEYS, NOW) == link
    assert links.read(token, KEYS, NOW + timedelta(minutes=4, seconds=59)) == link
    # The clock of another machine may be a little behind.
    assert links.read(token, KEYS, NOW - timedelta(seconds=1)) == link
    for late in (timedelta(minutes=5), timedelta(days=1), timedelta(minutes=-1)):
        with pytest.raises(links.LinkExpired):
            links.read(token, KEYS, NOW + late)


def test_links_work_while_their_secret_is_replaced() -> None:
    token = links.render(LINK, KEYS)
    both = links.keyring(
        ["another secret, which is the first now", "a secret of the tests, 32 bytes long"]
    )
    assert links.read(token, both, NOW) == LINK


def test_no_other_link_is_genuine() -> None:
    token = links.render(LINK, KEYS)
    assert token != links.render(LINK, KEYS)
    content = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    assert b"2026" not in content
    changed = [
        base64.urlsafe_b64encode(
            content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        )
        .decode()
        .rstrip("=")
        for place in range(len(content))
    ]
    foreign = links.render(LINK, links.keyring(["the secret of another service, 32 bytes"]))
    for other in [*changed, foreign, "", "a", "ä", "=", token[:-8], token + "AAAA", "a" * 5_000]:
        with pytest.raises(errors.NotFound) as refused:
            links.read(other, KEYS, NOW)
        assert not isinstance(refused.value, links.LinkExpired)
