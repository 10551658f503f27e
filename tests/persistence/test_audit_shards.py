"""The audit of a cluster compares the shards with their tables. On one PostgreSQL, nothing is tested here."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import sql

from persistence.audit import audit
from tests import clusters
from tests.books import Books

pytestmark = pytest.mark.anyio

#: A change of a shard by the superuser of its node, and the catalog of the finding.
CHANGES = [
    ("DISABLE TRIGGER USER", "ENABLE TRIGGER USER", "pg_trigger"),
    (
        "DROP CONSTRAINT transactions_amount_positive_check",
        "ADD CONSTRAINT transactions_amount_positive_check CHECK (amount > 0)",
        "pg_constraint",
    ),
]


async def test_a_shard_without_what_guards_its_table_is_found(
    books: Books, admin_database_url: str
) -> None:
    if not clusters.nodes(books.url):
        pytest.skip("Only a cluster has shards.")
    assert (await audit.audit(books.database)).findings == []
    [shard], *_ = books.connection.execute(
        "SELECT shardid FROM pg_dist_shard WHERE logicalrelid = 'transactions'::regclass"
    )
    table = sql.Identifier(f"transactions_{shard}")
    *_, node = (url for url in clusters.servers(admin_database_url) if _has(url, table.as_string()))
    for change, undoing, catalog in CHANGES:
        with psycopg.connect(node, autocommit=True) as admin:
            admin.execute(sql.SQL("ALTER TABLE {} {}").format(table, sql.SQL(change)))
            findings = (await audit.audit(books.database)).findings
            assert [(each.table, each.key) for each in findings] == [
                (catalog, f"transactions_{shard}")
            ]
            admin.execute(sql.SQL("ALTER TABLE {} {}").format(table, sql.SQL(undoing)))
    assert (await audit.audit(books.database)).findings == []


def _has(url: str, table: str) -> bool:
    with psycopg.connect(url, autocommit=True) as connection:
        [(found,)] = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [table])
        return bool(found)
