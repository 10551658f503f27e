"""User search: best match first, only users who may be found, and by index."""

from __future__ import annotations

from random import Random
from uuid import UUID

import pytest

from domain import errors, ids
from domain.paging import PageRequest
from domain.text import search_text
from persistence.engine.database import Database
from persistence.people import search
from tests.books import Books

pytestmark = pytest.mark.anyio


async def names(db: Database, query: str, *, viewer_id: object = None, size: int = 20) -> list[str]:
    viewer = viewer_id or ids.new_id()
    page = await search.search_people(
        db, viewer_id=viewer, query=query, page=PageRequest(size=size)  # type: ignore[arg-type]
    )  # fmt: skip
    return [found.person.name for found in page.items]


async def test_the_exact_name_comes_first_then_beginnings_then_parts(
    books: Books, db: Database
) -> None:
    for name in ("Anna Maria", "Mariana", "MARÍA", "Rosemariae", "Peter", "maria"):
        books.join(name)
    found = await names(db, "Maria")
    assert sorted(found[:2]) == ["MARÍA", "maria"]
    assert found[2:] == ["Mariana", "Anna Maria", "Rosemariae"]


async def test_two_characters_find_beginnings_of_words_and_an_empty_text_finds_no_user(
    books: Books, db: Database
) -> None:
    for name in ("Bo", "Bob", "Abo", "Anna Bobo", "Boo-Bo", "J. Q. Bo"):
        books.join(name)
    assert await names(db, "bo") == ["Bo", "Bob", "Boo-Bo", "Anna Bobo", "J. Q. Bo"]
    assert await names(db, "q") == ["J. Q. Bo"]
    assert await names(db, ".") == []
    for nothing in ("", "  ", "\0", "\u0301"):
        assert await names(db, nothing) == []


async def test_two_characters_of_a_name_without_spaces_are_found_anywhere_in_it(
    books: Books, db: Database
) -> None:
    names_there = (
        "山田太郎",
        "太郎丸",
        "林太",
        "佐々木みゆき",
        "ｻｻｷ ﾐﾕｷ",
        "김민수",
        "박수민",
        "司马相如",
        "李小龍",
    )
    for name in names_there:
        books.join(name)
    assert await names(db, "太郎") == ["太郎丸", "山田太郎"]
    assert await names(db, "田太") == ["山田太郎"]
    assert await names(db, "々木") == ["佐々木みゆき"]
    assert await names(db, "ゆき") == ["佐々木みゆき"]
    assert await names(db, "ユキ") == ["ｻｻｷ ﾐﾕｷ"]
    assert await names(db, "민수") == ["김민수"]
    assert sorted(await names(db, "수")) == ["김민수", "박수민"]
    assert await names(db, "相如") == ["司马相如"]
    # One character is looked for where words begin, as in every script.
    assert await names(db, "山") == ["山田太郎"]
    assert await names(db, "郎") == []


async def test_typographic_signs_and_letters_with_strokes_are_found_by_plain_ones(
    books: Books, db: Database
) -> None:
    for name in ("Sean O’Brien", "Anne–Marie", "Lech Wałęsa", "Ægir Ødegård"):
        books.join(name)
    assert await names(db, "o'brien") == await names(db, "O‘Brien") == ["Sean O’Brien"]
    assert await names(db, "anne-marie") == await names(db, "Anne—Marie") == ["Anne–Marie"]
    assert await names(db, "walesa") == ["Lech Wałęsa"]
    assert await names(db, "aegir odegard") == ["Ægir Ødegård"]


async def test_no_character_is_a_wildcard(books: Books, db: Database) -> None:
    for name in ("100% Pure", "100 Pure", "a_b_c", "aXbXc", "back\\slash"):
        books.join(name)
    assert await names(db, "100%") == ["100% Pure"]
    assert await names(db, "_b_") == ["a_b_c"]
    assert await names(db, "%") == []
    assert await names(db, "k\\s") == ["back\\slash"]


async def test_an_address_is_found_when_given_completely_and_comes_first_and_once(
    books: Books, db: Database
) -> None:
    owner = books.join("Zoë")
    books.join(f"Friend of {owner.email}")
    books.connection.execute(
        "UPDATE users SET name = email, search_text = email WHERE id = %s", [owner.user_id]
    )
    assert await names(db, f" {owner.email.upper()} ") == [owner.email, f"Friend of {owner.email}"]
    assert await names(db, owner.email, viewer_id=owner.user_id) == [f"Friend of {owner.email}"]
    books.connection.execute("UPDATE users SET name = 'Zoë', search_text = 'zoe' WHERE id = %s",
                             [owner.user_id])  # fmt: skip
    assert await names(db, owner.email[:-1]) == [f"Friend of {owner.email}"]


async def test_the_viewer_and_unverified_and_closed_accounts_are_not_found(
    books: Books, db: Database
) -> None:
    viewer, unverified, closed, found = (books.join("Zoë Quine") for _ in range(4))
    books.connection.execute(
        "UPDATE users SET email_verified_at = NULL, registration_expires_at = now() WHERE id = %s",
        [unverified.user_id],
    )
    books.connection.execute("UPDATE users SET closed_at = now() WHERE id = %s", [closed.user_id])
    for query in ("zoe quine", "zoe", "quine", found.email):
        page = await search.search_people(
            db, viewer_id=viewer.user_id, query=query, page=PageRequest()
        )
        assert [each.person.user_id for each in page.items] == [found.user_id]
    for hidden in (viewer, unverified, closed):
        assert await names(db, hidden.email, viewer_id=viewer.user_id) == []


async def test_pages_contain_each_user_once_and_in_order(books: Books, db: Database) -> None:
    for number in range(8):
        books.join("Maria")
        books.join(f"Maria {number}")
        books.join(f"Ana Maria {number % 3}")
    whole = await search.search_people(
        db, viewer_id=ids.new_id(), query="maria", page=PageRequest(size=100)
    )
    assert len(whole.items) == 24
    for size in (1, 5, 7, 23, 24):
        seen: list[search.FoundPerson] = []
        after = None
        while True:
            page = await search.search_people(
                db, viewer_id=ids.new_id(), query="maria", page=PageRequest(size=size, after=after)
            )
            seen += page.items
            assert page.has_previous == (after is not None)
            if not page.has_next:
                break
            after = page.items[-1].position
        assert seen == list(whole.items)


def expected(people: list[tuple[str, UUID]], query: str) -> list[UUID]:
    """Who is found among people by their names as search knows them, in order: the rule in Python."""

    def rank(name: str) -> int | None:
        if name == query:
            return 1
        if name.startswith(query):
            return 2
        return 3 if (query if len(query) >= 3 else f" {query}") in name else None

    ranked = [(rank(name), name, user_id) for name, user_id in people]
    return [user_id for _, _, user_id in sorted(r for r in ranked if r[0] is not None)]


async def test_a_part_of_any_length_finds_all_who_have_it_in_order(
    books: Books, db: Database
) -> None:
    random = Random(20)
    words = ["".join(random.choices("abé", k=random.randint(1, 7))) for _ in range(60)]
    people = []
    for _ in range(150):
        name = " ".join(random.choices(words, k=random.randint(1, 3)))
        people.append((search_text(name), books.join(name).user_id))
    for length in range(1, 20):
        for _ in range(12):
            name = random.choice(people)[0]
            start = random.randrange(max(1, len(name) - length + 1))
            query = name[start : start + length].strip()
            page = await search.search_people(
                db, viewer_id=ids.new_id(), query=query, page=PageRequest(size=100)
            )
            found = [each.person.user_id for each in page.items]
            assert found == expected(people, query)[:100], query


async def test_a_part_longer_than_any_name_finds_no_user(books: Books, db: Database) -> None:
    books.join("Maria Theresa")
    assert await names(db, "maria theresa" * 19) == []
    assert await names(db, "aria theres") == ["Maria Theresa"]


@pytest.mark.parametrize(
    "cursor", ["", "x", "9:x:y", "5:00000000-0000-0000-0000-000000000000:x", "1:1:\0", "1"]
)
async def test_a_foreign_cursor_is_refused(db: Database, cursor: str) -> None:
    with pytest.raises(errors.BadUserInput):
        await search.search_people(
            db, viewer_id=ids.new_id(), query="maria", page=PageRequest(after=cursor)
        )


async def test_the_exact_name_is_found_among_thousands_that_share_it(
    books: Books, db: Database
) -> None:
    books.connection.execute(
        "INSERT INTO users (id, name, search_text, email, email_verified_at, password_hash) "
        "SELECT gen_random_uuid(), n, lower(n), md5(i::text) || '@example.com', now(), '-' "
        "FROM generate_series(1, 20000) AS i, "
        "LATERAL (SELECT CASE WHEN i % 4 = 0 THEN 'Maria' WHEN i = 777 THEN 'Ximena Quark' "
        "ELSE 'Maria ' || md5(i::text) END) AS named (n)"
    )
    books.connection.execute("ANALYZE users")
    assert await names(db, "maria", size=50) == ["Maria"] * 50
    assert await names(db, "na qua") == ["Ximena Quark"]
    assert await names(db, "qu") == ["Ximena Quark"]
    books.connection.execute("SET enable_seqscan = off")
    plan = books.connection.execute(
        "EXPLAIN SELECT id FROM users WHERE search_text LIKE '%na qua%' "
        "AND email_verified_at IS NOT NULL AND closed_at IS NULL"
    ).fetchall()
    assert "users_search_text_trigram_idx" in str(plan)
    plan = books.connection.execute(
        "EXPLAIN SELECT id FROM users WHERE search_parts(search_text) @> search_parts('na qua') "
        "AND email_verified_at IS NOT NULL AND closed_at IS NULL"
    ).fetchall()
    assert "users_search_parts_idx" in str(plan)


async def test_two_characters_are_found_by_the_index_among_thousands(
    books: Books, db: Database
) -> None:
    books.connection.execute(
        "INSERT INTO users (id, name, search_text, email, email_verified_at, password_hash) "
        "SELECT gen_random_uuid(), n, n, md5(i::text) || '@example.com', now(), '-' "
        "FROM generate_series(1, 5000) AS i, LATERAL (SELECT chr(19968 + i % 97) || "
        "chr(20480 + i % 89) || chr(21248 + i % 83) || chr(22016 + i % 79)) AS named (n)"
    )
    books.connection.execute("ANALYZE users")
    pair = chr(20480 + 777 % 89) + chr(21248 + 777 % 83)
    found = await names(db, pair, size=100)
    assert found
    assert all(pair in name for name in found)
    # As people_with_part asks, with its settings.
    for setting in ("enable_seqscan", "enable_indexscan", "enable_indexonlyscan"):
        books.connection.execute(f"SET {setting} = off")
    plan = books.connection.execute(
        f"EXPLAIN SELECT id FROM users WHERE search_parts(search_text) @> search_parts_apart('{pair}') "
        "AND email_verified_at IS NOT NULL AND closed_at IS NULL"
    ).fetchall()
    assert "users_search_parts_idx" in str(plan)
