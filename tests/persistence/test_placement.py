"""Every table has a place on a cluster, and keys that allow it to be there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import ForeignKeyConstraint, Index, PrimaryKeyConstraint, Table, UniqueConstraint

from persistence import tables
from persistence.cluster import placement
from persistence.cluster.placement import ALEMBIC_VERSION, PLACEMENTS, Placement

BY_USER = [
    table
    for table in tables.metadata.sorted_tables
    if PLACEMENTS.get(table.name) is Placement.BY_USER
]


def test_each_table_is_placed() -> None:
    named = {table.name for table in tables.metadata.sorted_tables} | {ALEMBIC_VERSION}
    assert set(PLACEMENTS) == named


def test_users_come_first() -> None:
    # The others are distributed like this table.
    assert next(iter(PLACEMENTS)) == tables.users.name


def _keys(table: Table) -> Iterator[list[str]]:
    """The columns of each unique key."""
    for key in [*table.constraints, *table.indexes]:
        if isinstance(key, PrimaryKeyConstraint | UniqueConstraint) or (
            isinstance(key, Index) and key.unique
        ):
            yield [column.name for column in key.columns]


@pytest.mark.parametrize("table", BY_USER, ids=lambda table: table.name)
def test_keys_begin_with_the_user(table: Table) -> None:
    column = placement.distribution_column(table.name)
    assert all(columns[0] == column for columns in _keys(table))


def test_only_tables_by_user_refer_to_users_on_a_cluster_and_to_nothing_else() -> None:
    for table in tables.metadata.sorted_tables:
        for key in table.constraints:
            if isinstance(key, ForeignKeyConstraint):
                assert key.referred_table is tables.users
                # Those of tables on every node are dropped.
                assert PLACEMENTS[table.name] is not Placement.COORDINATOR
