"""Refresh tokens: replaced at each use, equal for two tabs, and ending a stolen session."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import errors
from domain.people import sessions
from domain.people.sessions import RefreshVerdict

KEY = "the newest secret, and long enough for HS256"
OLD_KEY = "the secret before it, also long enough for it"
NOW = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)


def _first() -> sessions.RefreshToken:
    return sessions.first_refresh_token(UUID(int=7), UUID(int=8))


def test_a_token_survives_being_kept_by_the_client() -> None:
    token = _first()
    assert token.generation == 1
    assert sessions.read_refresh_token(token.render(KEY), [KEY]) == token


def test_two_sessions_begin_with_different_secrets() -> None:
    assert _first().secret != _first().secret


def test_the_successor_is_derived_so_that_two_tabs_agree() -> None:
    token = _first()
    assert token.successor(KEY) == token.successor(KEY)
    assert token.successor(KEY).generation == 2
    assert token.successor(KEY).session_id == token.session_id
    assert token.successor(KEY).successor(KEY).generation == 3


def test_a_successor_cannot_be_told_without_the_key() -> None:
    token = _first()
    assert token.successor(KEY).secret != token.successor(OLD_KEY).secret
    assert token.successor(KEY).secret not in base64.urlsafe_b64decode(token.render(KEY) + "==")


def test_a_token_made_by_an_earlier_key_is_read_while_that_key_is_listed() -> None:
    text = _first().render(OLD_KEY)
    assert sessions.read_refresh_token(text, [KEY, OLD_KEY])
    with pytest.raises(errors.InvalidToken):
        sessions.read_refresh_token(text, [KEY])


@pytest.mark.parametrize(
    "text", ["", "x", "A" * 139, "A" * 140, "A" * 142, "é" * 139, "\ud800", "a.b.c"]
)
def test_what_we_never_made_is_refused(text: str) -> None:
    with pytest.raises(errors.InvalidToken):
        sessions.read_refresh_token(text, [KEY])


@given(st.integers(0, 10_000), st.characters(codec="ascii"))
def test_a_changed_character_spoils_a_token(position: int, character: str) -> None:
    text = sessions.RefreshToken(UUID(int=7), UUID(int=8), 3, b"s" * 32).render(KEY)
    position %= len(text)
    changed = text[:position] + character + text[position + 1 :]
    if changed == text:
        return
    with pytest.raises(errors.InvalidToken):
        sessions.read_refresh_token(changed, [KEY])


@pytest.mark.parametrize(
    ("generation", "age_seconds", "verdict"),
    [
        (5, 0, RefreshVerdict.ROTATE),
        (5, 10**6, RefreshVerdict.ROTATE),
        (4, 0, RefreshVerdict.REPEAT),
        (4, 30, RefreshVerdict.REPEAT),
        (4, 30.000001, RefreshVerdict.END_SESSION),
        (3, 0, RefreshVerdict.END_SESSION),
        (1, 0, RefreshVerdict.END_SESSION),
        (6, 0, RefreshVerdict.END_SESSION),
    ],
)
def test_the_one_before_the_newest_is_good_for_thirty_seconds_more(
    generation: int, age_seconds: float, verdict: RefreshVerdict
) -> None:
    token = sessions.RefreshToken(UUID(int=7), UUID(int=8), generation, b"s" * 32)
    rotated_at = NOW - timedelta(seconds=age_seconds)
    judged = sessions.judge_refresh(token, newest_generation=5, rotated_at=rotated_at, now=NOW)
    assert judged is verdict
