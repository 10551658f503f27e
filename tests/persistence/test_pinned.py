"""PostgreSQL settings: set per session, or per transaction behind a pooler."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import get_args
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import text

from persistence.engine import pinned, unit_of_work
from persistence.engine.database import Database
from persistence.engine.unit_of_work import Unit
from tests import clusters, relays

pytestmark = pytest.mark.anyio

OURS = """
SELECT current_setting('search_path'), current_setting('jit'), current_setting('lock_timeout')
"""
PATH = "public, pg_temp"
EXPECTED = (PATH, "off", "5s")


@pytest.fixture
async def direct(database_url: str) -> AsyncIterator[pinned.Connection]:
    async with await pinned.Connection.connect(database_url, autocommit=True) as connection:
        yield connection


async def test_a_direct_connection_has_the_settings_and_its_transactions_set_none(
    direct: pinned.Connection, database_url: str
) -> None:
    assert direct.keeps_settings
    assert direct.is_cluster == bool(clusters.nodes(database_url))
    assert pinned.settings(direct) == []
    assert await (await direct.execute(OURS)).fetchone() == EXPECTED
    [(together, _)] = pinned.settings_to_lock(direct, 1)
    async with direct.transaction():
        await direct.execute(together)
        assert await (await direct.execute(OURS)).fetchone() == (PATH, "off", "1s")
    assert await (await direct.execute(OURS)).fetchone() == EXPECTED


@pytest.mark.parametrize("treatment", get_args(relays.Treatment))
async def test_each_transaction_behind_a_pooler_has_the_settings_and_leaves_none_behind(
    database_url: str, treatment: relays.Treatment
) -> None:
    with relays.before(database_url, treatment) as url:
        async with await pinned.Connection.connect(url, autocommit=True) as connection:
            assert not connection.keeps_settings
            [(statement, _)] = pinned.settings(connection)
            async with connection.transaction():
                await connection.execute(statement)
                assert await (await connection.execute(OURS)).fetchone() == EXPECTED

        async def ask(unit: Unit) -> object:
            return tuple((await unit.connection.execute(text(OURS))).one())

        database = await Database.open(url)
        try:
            assert await database.rows((OURS.encode(), ())) == [EXPECTED]
            assert await unit_of_work.run(database, ask) == EXPECTED
            read = await database.read(lambda c: c.execute(text(OURS)))
            assert tuple(read.one()) == EXPECTED
        finally:
            await database.close()


async def test_a_marker_that_role_and_database_set_is_not_ours(
    database_url: str, admin_database_url: str
) -> None:
    role = sql.Identifier(urlsplit(database_url).username or "")
    with psycopg.connect(admin_database_url, autocommit=True) as admin:
        name = sql.Identifier(admin.info.dbname)
        for target in (
            sql.SQL("DATABASE {}").format(name),
            sql.SQL("ROLE {} IN DATABASE {}").format(role, name),
        ):
            admin.execute(sql.SQL("ALTER {} SET mini_wallet.marker = 'of theirs'").format(target))
    with relays.before(database_url, "drops options") as url:
        async with await pinned.Connection.connect(url) as connection:
            assert not connection.keeps_settings
    async with await pinned.Connection.connect(database_url) as connection:
        assert connection.keeps_settings


async def test_options_of_the_address_and_of_a_pool_are_kept_beside_ours(
    database_url: str,
) -> None:
    url = f"{database_url}?options=-c%20seq_page_cost%3D7%20-c%20search_path%3Dnowhere"
    shown = "SELECT {}".format(
        ", ".join(
            f"current_setting('{name}')"
            for name in ("seq_page_cost", "cpu_tuple_cost", "search_path")
        )
    )
    pool = "-c cpu_tuple_cost=3"
    async with await pinned.Connection.connect(url, options=pool) as connection:
        assert connection.keeps_settings
        found = await (await connection.execute(shown.encode())).fetchone()
        assert found == ("7", "3", PATH)


@pytest.mark.parametrize("treatment", get_args(relays.Treatment))
async def test_a_pooler_may_drop_the_options_of_a_pool(
    database_url: str, treatment: relays.Treatment
) -> None:
    with relays.before(database_url, treatment) as url:
        async with await pinned.Connection.connect(
            url, options="-c cpu_tuple_cost=3"
        ) as connection:
            assert not connection.keeps_settings


async def test_the_session_of_a_command_has_the_settings_and_no_timeouts(
    database_url: str,
) -> None:
    asked = f"{OURS}, current_setting('statement_timeout')"
    with pinned.connect(database_url) as connection:
        assert connection.execute(asked.encode()).fetchone() == (PATH, "off", "0", "0")
    with (
        relays.before(database_url, "refuses options") as url,
        pinned.connect(url) as connection,
    ):
        assert connection.execute(asked.encode()).fetchone() == (PATH, "off", "0", "0")


async def test_a_connection_that_is_refused_for_another_reason_is_not_tried_again() -> None:
    with pytest.raises(psycopg.OperationalError):
        await pinned.Connection.connect("postgresql://nobody@127.0.0.1:1/nothing")
