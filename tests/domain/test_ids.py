"""Ids: ordered by creation in the database, opaque and canonical in the API."""

from __future__ import annotations

import base64
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import ids


def test_new_ids_are_of_version_7_and_in_order() -> None:
    made = [ids.new_id() for _ in range(1_000)]
    assert {each.version for each in made} == {7}
    assert len(set(made)) == len(made)
    assert [each.int >> 80 for each in made] == sorted(each.int >> 80 for each in made)


@given(st.sampled_from(["User", "Transaction", "Session"]), st.uuids(), st.integers(0, 10**18))
def test_a_global_id_names_its_type_and_parts(type_name: str, row_id: UUID, sequence: int) -> None:
    text = ids.global_id(type_name, row_id, sequence)
    plain = f"{type_name}:{row_id}:{sequence}".encode()
    assert text == base64.urlsafe_b64encode(plain).rstrip(b"=").decode()
    assert ids.read_global_id(text) == (type_name, [str(row_id), str(sequence)])
    assert ids.numbered_ids(type_name, row_id)(sequence) == text


@given(st.text() | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_any_other_text_names_nothing_or_is_its_own_spelling(text: str) -> None:
    named = ids.read_global_id(text)
    assert named is None or ids.global_id(named[0], *named[1]) == text


def test_there_is_one_spelling_of_each_id() -> None:
    text = ids.global_id("User", uuid4())
    assert ids.read_global_id(text) is not None
    for other in (text + "=", text + "==", " " + text, text + "\n", text[:-1], text.swapcase()):
        assert ids.read_row_id(other, "User") is None


@pytest.mark.parametrize(
    "text", ["", "User", "VXNlcg", "::::", "A" * 201, "\ud800", "é", "../../etc/passwd"]
)
def test_foreign_text_names_nothing(text: str) -> None:
    assert ids.read_global_id(text) is None


def test_a_row_is_named_by_its_own_type_alone() -> None:
    row_id = ids.new_id()
    assert ids.read_row_id(ids.global_id("User", row_id), "User") == row_id
    assert ids.read_row_id(ids.global_id("User", row_id), "Session") is None
    assert ids.read_row_id(ids.global_id("User", row_id, 1), "User") is None
    assert ids.read_row_id(ids.global_id("User", str(row_id).upper()), "User") is None
    assert ids.read_row_id(ids.global_id("User", row_id.hex), "User") is None
    assert ids.read_row_id(ids.global_id("User", "1"), "User") is None
