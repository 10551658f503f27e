"""The state of a cluster: nodes, shards, sizes, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import Connection

from persistence.cluster import distributing
from persistence.cluster.placement import PLACEMENTS

_NODES = """
SELECT n.nodename || ':' || n.nodeport, n.groupid = 0, n.isactive, n.shouldhaveshards,
    count(s.shardid) FILTER (WHERE s.table_name = 'users'::regclass)::int,
    coalesce(sum(s.shard_size), 0)::bigint
FROM pg_dist_node AS n
LEFT JOIN citus_shards AS s ON s.nodename = n.nodename AND s.nodeport = n.nodeport
WHERE n.noderole = 'primary' GROUP BY n.nodeid, n.groupid, n.isactive, n.shouldhaveshards
ORDER BY n.groupid
"""
_TABLES = """
SELECT c.relname, coalesce(sum(s.shard_size), 0)::bigint
FROM citus_shards AS s JOIN pg_class AS c ON c.oid = s.table_name GROUP BY 1 ORDER BY 2 DESC, 1
"""
#: Shards of one range of users that are not all on one node.
_APART = """
SELECT count(*) FROM (
    SELECT p.shardminvalue FROM pg_dist_shard AS p
    JOIN citus_shards AS s ON s.shardid = p.shardid
    WHERE s.citus_table_type = 'distributed' GROUP BY p.shardminvalue
    HAVING count(DISTINCT (s.nodename, s.nodeport)) > 1
) AS ranges
"""
_UNREACHABLE = """
SELECT DISTINCT to_nodename || ':' || to_nodeport FROM citus_check_cluster_node_health()
WHERE result IS NOT TRUE ORDER BY 1
"""
_PREPARED = """
SELECT result FROM run_command_on_all_nodes(
    $$SELECT count(*) FROM pg_prepared_xacts WHERE database = current_database() AND prepared < now() - interval '1 minute'$$
)
"""


@dataclass(frozen=True, slots=True)
class Node:
    """A node, and what it holds."""

    address: str
    is_coordinator: bool
    is_active: bool
    takes_shards: bool
    #: Ranges of users.
    ranges: int
    size: int


@dataclass(frozen=True, slots=True)
class State:
    """The state of a cluster."""

    nodes: Sequence[Node]
    #: The size of each table, in bytes.
    sizes: dict[str, int]
    #: Sentences about what is not as it should be.
    wrong: Sequence[str]


def look(connection: Connection) -> State:
    """The state of the cluster of a distributed database. The connection is in autocommit."""
    unreachable = [address for (address,) in connection.execute(_UNREACHABLE)]
    if unreachable:
        # The queries below read from every node.
        return State((), {}, [f"{address} cannot be reached." for address in unreachable])
    nodes = [Node(*row) for row in connection.execute(_NODES)]
    held = distributing.found(connection)
    wrong = [f"The table {table} {why}." for table, why in distributing.misplaced(held).items()]
    wrong += [
        f"The table {table} is not distributed: run `./wallet cluster distribute`."
        for table in PLACEMENTS
        if table not in held
    ]
    wrong += [
        f"{node.address} holds no users: run SELECT citus_rebalance_start()."
        for node in nodes
        if node.takes_shards and not node.is_coordinator and not node.ranges
    ]
    wrong += [f"{node.address} is not active." for node in nodes if not node.is_active]
    [(apart,)] = connection.execute(_APART).fetchall()
    if apart:
        wrong.append(f"The shards of {apart} ranges of users are on more than one node.")
    prepared = sum(int(count) for (count,) in connection.execute(_PREPARED))
    if prepared:
        wrong.append(
            f"{prepared} prepared transactions are older than a minute and hold locks: set "
            "citus.recover_2pc_interval to a few seconds."
        )
    return State(nodes, dict(connection.execute(_TABLES).fetchall()), wrong)
