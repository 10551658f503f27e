"""`cluster`: distributes a migrated database over the nodes of a Citus cluster, and reports its state."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import psycopg
from rich.table import Table

from app.commands import terminal
from persistence.cluster import distributing, nodes
from persistence.cluster.placement import PLACEMENTS
from persistence.engine import database, pinned
from settings import Settings

_REVISION = "SELECT version_num FROM alembic_version"


def distribute(settings: Settings, shards: int | None) -> int:
    """Distribute the database, with its data. Exit status 0, or 1 after a sentence that says why not."""
    with terminal.sentences() as outcome, connect(settings) as connection:
        _check_migrated(connection)
        with terminal.console.status("Distributing …") as status:
            try:
                placed = distributing.distribute(
                    connection, shards, lambda what: status.update(f"Distributing … {what}")
                )
            except distributing.Refused as refused:
                raise terminal.Refused(str(refused)) from None
        if placed:
            terminal.say(f"{len(placed)} tables are distributed. See `./wallet cluster status`.")
        else:
            terminal.say("All tables were already distributed: nothing to do.")
    return outcome.status


def status(settings: Settings) -> int:
    """Print nodes, tables and findings. Exit status 1 if there is a finding or no cluster."""
    with terminal.sentences() as outcome, connect(settings) as connection:
        if not distributing.is_distributed(connection):
            raise terminal.Refused(
                "This database is not distributed: run `./wallet cluster distribute`."
            )
        state = nodes.look(connection)
        _print(state)
        if state.wrong:
            raise terminal.Refused("\n".join(state.wrong))
        terminal.say("All tables and shards are placed as they should be.")
    return outcome.status


def connect(settings: Settings) -> AbstractContextManager[psycopg.Connection[Any]]:
    """A connection to the database of the settings, without timeouts."""
    return pinned.connect(database.plain_url(settings.database_url.get_secret_value()))


def _check_migrated(connection: psycopg.Connection[Any]) -> None:
    try:
        found = connection.execute(_REVISION).fetchone()
    except psycopg.errors.UndefinedTable:
        found = None
    if found is None or found[0] != database.newest_revision():
        raise terminal.Refused(
            "The database is not at the newest revision: run `./wallet migrate` first."
        )


def _print(state: nodes.State) -> None:
    by_node = Table("node", "", "ranges of users", "size", title="Nodes")
    for node in state.nodes:
        role = "coordinator" if node.is_coordinator else "worker"
        by_node.add_row(node.address, role, str(node.ranges), _size(node.size))
    terminal.console.print(by_node)
    by_table = Table("table", "", "size", title="Tables")
    for table, size in state.sizes.items():
        placement = PLACEMENTS.get(table)
        by_table.add_row(table, placement.value if placement else "", _size(size))
    terminal.console.print(by_table)


def _size(number: int) -> str:
    return f"{number / 2**20:,.1f} MiB"
