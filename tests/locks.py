"""Transactions that wait for a lock; on a cluster, on any of its nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg

from persistence.cluster import distributing

_WAITING = "datname = current_database() AND wait_event_type = 'Lock'"


def waiting(connection: psycopg.Connection[Any]) -> int:
    """How many transactions of the connection's database are waiting for a lock."""
    view, _ = _activity(connection)
    [(number,)] = connection.execute(f"SELECT count(*) FROM {view} WHERE {_WAITING}".encode())
    return int(number)


def end_waiting(admin: psycopg.Connection[Any]) -> None:
    """End the sessions that are waiting for a lock in the database of this superuser."""
    view, session = _activity(admin)
    admin.execute(f"SELECT pg_terminate_backend({session}) FROM {view} WHERE {_WAITING}".encode())


def in_order(connection: psycopg.Connection[Any], user_ids: Sequence[object]) -> list[object]:
    """The users in the order in which their rows are locked: by id; on a cluster, by shard and then by id."""
    shard = "get_shard_id_for_distribution_column('users', id)"
    order = f"{shard}, id" if distributing.has_citus(connection) else "id"
    rows = connection.execute(
        f"SELECT id FROM unnest(%s::uuid[]) AS id ORDER BY {order}".encode(), [[*user_ids]]
    )
    return [user_id for (user_id,) in rows]


def on_one_node(connection: psycopg.Connection[Any], user_ids: Sequence[object]) -> list[object]:
    """Most of the users that are on one node; all of them on a plain PostgreSQL.

    A statement that changes rows in several shards does so on all nodes at once, and in order on each.
    """
    if not distributing.has_citus(connection):
        return [*user_ids]
    nodes = (
        "SELECT array_agg(id) FROM unnest(%s::uuid[]) AS id JOIN pg_dist_placement "
        "ON shardid = get_shard_id_for_distribution_column('users', id) GROUP BY groupid"
    )
    return max((ids for (ids,) in connection.execute(nodes, [[*user_ids]])), key=len)


def _activity(connection: psycopg.Connection[Any]) -> tuple[str, str]:
    """A view of the sessions, and the column of it that names a session to end."""
    is_cluster = distributing.has_citus(connection)
    return ("citus_stat_activity", "global_pid") if is_cluster else ("pg_stat_activity", "pid")
