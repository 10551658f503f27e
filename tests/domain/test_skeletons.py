"""Confusable names: the skeletons of UTS #39."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.people import skeletons
from domain.people.skeletons import skeleton


def _confusable(one: str, other: str) -> bool:
    return bool(skeletons.keys(one, None) & skeletons.keys(other, None))


@pytest.mark.parametrize(
    ("text", "look"),
    # Examples of UTS #39, and of confusables.txt.
    [("paypal", "paypal"), ("раураl", "paypal"), ("Ĭ", "Ĭ"), ("rn", "rn"), ("m", "rn"),
     ("1I|l", "llll"), ("0O", "OO"), ("a\u200db\ufe0f\u00ad", "ab"), ("ﷺ", skeleton("صلى الله عليه وسلم"))],
)  # fmt: skip
def test_skeletons_are_those_of_the_standard(text: str, look: str) -> None:
    assert skeleton(text) == skeleton(look)


@pytest.mark.parametrize(
    ("one", "other"),
    [("User Beta", "User Beta"), ("User Beta", "User Bеta"), ("User Beta", "USER BETA"), ("Ian", "lan"),
     ("IAN", "ian"), ("Anna0", "annao"), ("modern", "rnodern"), ("ＵｓｅｒＢ", "UserB"), ("User\u00a0B", "User B"),
     ("@user.beta", "user.beta"), ("Zo\u200dë", "Zoe\u0308"), ("Αlpha", "Alpha"), ("Ꭺlpha", "alpha")],
)  # fmt: skip
def test_names_that_look_alike_share_a_key(one: str, other: str) -> None:
    assert _confusable(one, other)
    assert _confusable(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [("User Beta", "User Gamma"), ("Maria", "María"), ("ian", "lan"), ("太郎", "次郎"), ("", "")],
)
def test_other_names_share_none(one: str, other: str) -> None:
    assert not _confusable(one, other)


def test_a_handle_is_compared_with_names_too() -> None:
    assert skeletons.keys("Anna", "user_1") & skeletons.keys("Beta", "user_l")
    assert skeletons.keys("Anna", "user.beta") & skeletons.keys("User.Beta", None)


@given(st.text(max_size=80))
def test_a_skeleton_is_its_own_skeleton_and_keys_are_of_one_length(name: str) -> None:
    assert skeleton(skeleton(name)) == skeleton(name)
    assert {len(key) for key in skeletons.keys(name, None)} <= {16}
