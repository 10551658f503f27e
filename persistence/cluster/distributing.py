"""Distributes a migrated database over the nodes of a Citus cluster, and tables that later migrations create."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from psycopg import Connection, sql

from persistence.cluster import functions
from persistence.cluster.placement import PLACEMENTS, Placement, distribution_column

#: The triggers run on the shards, also when they are created later. Citus calls all triggers unsafe, as one
#: could query a distributed table from a shard: ours do not. Without Citus, the setting has no effect.
ALLOW_TRIGGERS = "SET citus.enable_unsafe_triggers = on"
#: How many shards a new cluster has for each worker. There can be at most as many workers as shards. A commit
#: that several requests share sends each statement to every shard of their accounts: more shards are slower.
SHARDS_PER_WORKER = 2

_HAS_CITUS = "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus')"
#: The tables that Citus knows, and how it distributes each.
_FOUND = """
SELECT c.relname, p.partmethod, p.repmodel, column_to_column_name(p.logicalrelid, p.partkey),
    p.colocationid = (SELECT colocationid FROM pg_dist_partition WHERE logicalrelid = to_regclass('users'))
FROM pg_dist_partition AS p JOIN pg_class AS c ON c.oid = p.logicalrelid
WHERE c.relnamespace = 'public'::regnamespace
"""
_FOREIGN_KEYS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace
    AND conrelid = ANY (%s::text[]::regclass[])
"""
_COORDINATOR = """
SELECT bool_or(groupid = 0), count(*) FILTER (WHERE groupid <> 0 AND shouldhaveshards AND noderole = 'primary'),
    (SELECT groupid = 0 FROM pg_dist_local_group)
FROM pg_dist_node WHERE isactive
"""
#: Triggers that refuse TRUNCATE.
_TRIGGERS = """
SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) FROM pg_trigger
WHERE NOT tgisinternal AND tgtype & 32 <> 0 AND tgrelid = ANY (%s::text[]::regclass[])
"""


class Refused(Exception):
    """The database cannot be distributed; the message is a sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Found:
    """How Citus holds a table."""

    placement: Placement | None
    column: str | None
    #: Whether its shards are beside those of `users`.
    is_colocated: bool


def has_citus(connection: Connection) -> bool:
    """Whether the database has the extension."""
    [(has_citus,)] = connection.execute(_HAS_CITUS).fetchall()
    return bool(has_citus)


def found(connection: Connection) -> dict[str, Found]:
    """How Citus holds each table; tables that it does not know are left out."""
    placements = {("h", "s"): Placement.BY_USER, ("n", "t"): Placement.EVERYWHERE}
    placements[("n", "s")] = Placement.COORDINATOR
    return {
        name: Found(placements.get((method, model)), column, bool(is_colocated))
        for name, method, model, column, is_colocated in connection.execute(_FOUND)
    }


def is_distributed(connection: Connection) -> bool:
    """Whether this is a database that `distribute` has distributed."""
    return has_citus(connection) and "users" in found(connection)


def misplaced(held: dict[str, Found]) -> dict[str, str]:
    """By table, what is wrong with how Citus holds it; tables that it does not know are left out."""
    wrong = {}
    for table, placement in PLACEMENTS.items():
        if (is_held := held.get(table)) is None:
            continue
        if is_held.placement is not placement:
            other = "in another way" if is_held.placement is None else is_held.placement.value
            wrong[table] = f"is placed {other}, and must be {placement.value}"
        elif placement is Placement.BY_USER and is_held.column != distribution_column(table):
            wrong[table] = f"is distributed by {is_held.column}, and must be {placement.value}"
        elif placement is Placement.BY_USER and not is_held.is_colocated:
            wrong[table] = "is not colocated with users"
    return wrong


def distribute(
    connection: Connection,
    shards: int | None = None,
    tell: Callable[[str], None] = lambda what: None,
) -> list[str]:
    """Distribute the tables that are not distributed yet, with their rows, in one transaction.

    Without `shards`, there are `SHARDS_PER_WORKER` for each worker. Returns these tables. The connection is in
    autocommit, to the coordinator. Raises `Refused`.
    """
    workers = _count_workers(connection)
    held = found(connection)
    if wrong := misplaced(held):
        table, why = next(iter(wrong.items()))
        raise Refused(
            f"The table {table} {why}: `./wallet cluster distribute` did not distribute it. Undistribute it "
            f"(SELECT undistribute_table('{table}')), and run this again."
        )
    missing = [table for table in PLACEMENTS if table not in held]
    if missing:
        with connection.transaction():
            _place(connection, missing, shards or SHARDS_PER_WORKER * workers, tell)
    tell("functions")
    functions.adapt(connection)
    return missing


def _count_workers(connection: Connection) -> int:
    """The number of workers that hold shards. Raises `Refused` if the nodes are not ready to distribute tables."""
    if not has_citus(connection):
        raise Refused(
            "This database does not have the extension citus: load citus on every node "
            "(shared_preload_libraries), let a superuser run CREATE EXTENSION citus in this database on each "
            "of them, and add the workers (SELECT citus_add_node(…)). See docs/scaling.md."
        )
    has_coordinator, workers, is_coordinator = connection.execute(_COORDINATOR).fetchall()[0]
    if not is_coordinator:
        raise Refused(
            "DATABASE_URL is the address of a worker: use that of the coordinator for this command."
        )
    if not has_coordinator:
        raise Refused(
            "The coordinator is not registered as a node, as tables on every node require: run "
            "SELECT citus_set_coordinator_host('its host name')."
        )
    if not workers:
        raise Refused(
            "There is no worker to hold shards: run SELECT citus_add_node('host name', port) for each worker."
        )
    return int(workers)


def _place(
    connection: Connection, missing: list[str], shards: int, tell: Callable[[str], None]
) -> None:
    connection.execute(ALLOW_TRIGGERS)
    # Foreign keys between shards are created in this transaction.
    connection.execute("SET LOCAL citus.multi_shard_modify_mode = 'sequential'")
    keys = connection.execute(_FOREIGN_KEYS, [missing]).fetchall()
    triggers = connection.execute(_TRIGGERS, [missing]).fetchall()
    for table, name, _ in keys:
        _alter(connection, "ALTER TABLE {} DROP CONSTRAINT {}", table, name)
    for table, name, _ in triggers:
        _alter(connection, "DROP TRIGGER {1} ON {0}", table, name)
    for table in missing:
        tell(table)
        _place_table(connection, table, shards)
    tell("constraints")
    for _, _, definition in triggers:
        connection.execute(definition)
    for table, name, definition in keys:
        # A table on every node cannot refer to one in shards: the code changes both together, and the audit
        # compares them.
        if PLACEMENTS[table] is Placement.BY_USER:
            _alter(connection, "ALTER TABLE {} ADD CONSTRAINT {} " + definition, table, name)


def _alter(connection: Connection, statement: str, table: str, name: str) -> None:
    names = sql.Identifier(table), sql.Identifier(name)
    connection.execute(sql.SQL(statement).format(*names))


def _place_table(connection: Connection, table: str, shards: int) -> None:
    match PLACEMENTS[table]:
        case Placement.BY_USER if table == "users":
            place = "SELECT create_distributed_table(%s, 'id', shard_count => %s)"
            connection.execute(place, [table, shards])
        case Placement.BY_USER:
            place = "SELECT create_distributed_table(%s, 'user_id', colocate_with => 'users')"
            connection.execute(place, [table])
        case Placement.EVERYWHERE:
            connection.execute("SELECT create_reference_table(%s)", [table])
        case Placement.COORDINATOR:
            connection.execute("SELECT citus_add_local_table_to_metadata(%s)", [table])
            return
    # The coordinator keeps the rows that were copied into shards, where nothing can access them any more.
    connection.execute("SELECT truncate_local_data_after_distributing_table(%s)", [table])
