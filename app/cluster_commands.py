"""`./wallet cluster`: distributes a database over the nodes of a Citus cluster, and reports its state."""

from __future__ import annotations

from typing import Annotated

import typer

from app.command_line import Data, read_settings

app = typer.Typer(
    help="Distribute a database over the nodes of a Citus cluster. See docs/scaling.md.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@app.command()
def distribute(
    shards: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=1024,
            help="How many ranges the users are divided into; by default, two for each worker.",
        ),
    ] = None,
    data: Data = None,
) -> None:
    """Distribute the migrated database, with its data. Stop the wallet's processes first.

    Running it again distributes what is not distributed yet, and changes nothing else.
    """
    chosen = read_settings(data)
    from app.commands import cluster

    raise typer.Exit(cluster.distribute(chosen, shards))


@app.command()
def status(data: Data = None) -> None:
    """Report nodes, shards, sizes and problems. Exit with status 1 if there is a problem."""
    chosen = read_settings(data)
    from app.commands import cluster

    raise typer.Exit(cluster.status(chosen))
