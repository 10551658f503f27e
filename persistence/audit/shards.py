"""On a cluster: whether the shards of the account ledgers have the triggers and constraints of their tables.

A superuser of a node can change those of a single shard. The tables on the coordinator do not show that.
"""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_TABLES = ("users", "transactions", "closed_keys")
_IS_DISTRIBUTED = text(
    "SELECT EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = to_regclass('users'))"
)
# The names end in the number of the shard. No shard has triggers on TRUNCATE.
_TRIGGERS = """
SELECT string_agg(concat_ws(' ', regexp_replace(t.tgname, '_[0-9]+$', ''), t.tgenabled, md5(p.prosrc)), ', '
    ORDER BY t.tgname COLLATE "C")
FROM pg_trigger AS t JOIN pg_proc AS p ON p.oid = t.tgfoid
WHERE t.tgrelid = '{}'::regclass AND NOT t.tgisinternal AND t.tgtype & 32 = 0
"""
_CONSTRAINTS = """
SELECT string_agg(concat_ws(' ', regexp_replace(conname, '_[0-9]+$', ''), convalidated), ', '
    ORDER BY regexp_replace(conname, '_[0-9]+$', '') COLLATE "C")
FROM pg_constraint WHERE conrelid = '{}'::regclass AND contype <> 'n'
"""
_QUERIES = (("pg_trigger", "triggers", _TRIGGERS), ("pg_constraint", "constraints", _CONSTRAINTS))


async def faults(connection: AsyncConnection) -> list[tuple[str, str, str]]:
    """The catalog, the shard and a sentence for each shard that differs from its table.

    The database has the extension citus.
    """
    found: list[tuple[str, str, str]] = []
    if not await connection.scalar(_IS_DISTRIBUTED):
        return found
    for table in _TABLES:
        for catalog, what, query in _QUERIES:
            different = text(
                "SELECT shardid FROM run_command_on_shards(CAST(:of_table AS text)::regclass, :command) "  # noqa: S608
                f"WHERE NOT success OR result IS DISTINCT FROM ({query.format(table)}) ORDER BY 1"
            )
            names = {"of_table": table, "command": query.format("%1$s")}
            found += [
                (catalog, f"{table}_{shard}", f"The {what} of this shard are not those of {table}.")
                for shard in await connection.scalars(different, names)
            ]
    return found
