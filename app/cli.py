"""The commands of `./wallet`. Each imports what it needs when it runs, so that `--help` is fast."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from app import cluster_commands, operator_commands, project_commands
from app.command_line import DEFAULT_DATA, Data
from app.command_line import read_settings as _settings
from app.command_line import refuse as _refuse
from app.importing import importing

app = typer.Typer(
    name="wallet",
    help="Mini Wallet. Start with `./wallet up`.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(project_commands.app)
app.add_typer(operator_commands.app, name="operators")
app.add_typer(cluster_commands.app, name="cluster")

Host = Annotated[str, typer.Option(help="The address to listen on.")]
Port = Annotated[int, typer.Option(min=1, max=65_535, help="The port to listen on.")]


def _show_version(wanted: bool) -> None:
    if wanted:
        from app.version import version

        typer.echo(version())
        raise typer.Exit


@app.callback()
def _every_command(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    pass


@app.command()
def up(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    data: Annotated[
        Path, typer.Option(help="Folder for data, secrets, logs and caught mails.")
    ] = DEFAULT_DATA,
    no_demo: Annotated[bool, typer.Option("--no-demo", help="Do not add demo users.")] = False,
) -> None:
    """Start the whole wallet on this machine: services, API, relay and worker. Ctrl-C stops it.

    PostgreSQL, Valkey, a Channels server and a mail catcher are embedded; services that the
    environment names (DATABASE_URL, REDIS_URL, SMTP_URL, PUSHER_*, ...) are used instead.
    """
    from dev import up as supervisor

    raise typer.Exit(supervisor.run(host=host, port=port, data=data, demo=not no_demo))


@app.command()
def serve(host: Host = "127.0.0.1", port: Port = 8000) -> None:
    """Serve the API (one production process), using the services named in the environment."""
    chosen = _settings()
    with importing():
        from app import processes

    raise typer.Exit(processes.serve(chosen, host, port))


@app.command()
def worker(
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="First retry the mails that were given up.")
    ] = False,
    queues: Annotated[
        str | None,
        typer.Option(
            help="Run jobs from these queues only, separated by commas: mail,push,schedules,webhooks,exports."
        ),
    ] = None,
) -> None:
    """Run the jobs that follow a commit: send mails, and deliver events to sinks such as Pusher."""
    chosen = _settings()
    with importing():
        from app import processes
        from settings import SettingsError

    names = None if queues is None else [name.strip() for name in queues.split(",")]
    try:
        status = processes.worker(chosen, queues=names, retry_failed=retry_failed)
    except (ValueError, SettingsError) as error:
        _refuse(str(error))
    raise typer.Exit(status)


@app.command()
def relay() -> None:
    """Pass committed events on: to subscribers through Redis, and to the workers as jobs."""
    chosen = _settings()
    with importing():
        from app import processes
        from settings import SettingsError

    try:
        status = processes.relay(chosen)
    except SettingsError as error:
        _refuse(str(error))
    raise typer.Exit(status)


@app.command()
def migrate(data: Data = None) -> None:
    """Migrate the database to the newest revision."""
    chosen = _settings(data)
    with importing():
        from app.commands import migrate

    raise typer.Exit(migrate.migrate(chosen))


@app.command()
def demo(
    yes: Annotated[
        bool, typer.Option("--yes", help="Add them even if APP_URL is a public address.")
    ] = False,
    data: Data = None,
) -> None:
    """Add the demo users User Alpha, User Beta and User Gamma. Running it again changes nothing."""
    chosen = _settings(data)
    with importing():
        from app.commands import demo

    raise typer.Exit(demo.demo(chosen, yes=yes))


@app.command()
def schema() -> None:
    """Print the GraphQL schema (SDL)."""
    with importing():
        from app import served_schema

    typer.echo(served_schema.print_sdl().rstrip("\n"))


@app.command()
def audit(
    receipt: Annotated[
        list[str] | None,
        typer.Option(
            help="Instead, check whether the ledger still contains what this receipt (the `seal` of a "
            "transaction) proves. Can be repeated; `-` reads receipts from standard input, one per line.",
            show_default=False,
        ),
    ] = None,
    key_before: Annotated[
        list[Path] | None,
        typer.Option(
            help="A file with a former AUDIT_KEY, for receipts issued before `reseal`.",
            show_default=False,
        ),
    ] = None,
    data: Data = None,
) -> None:
    """Verify all ledgers. If anything is wrong, name the rows and exit with status 1."""
    if key_before and not receipt:
        _refuse("--key-before is for receipts only: ledgers are verified with AUDIT_KEY.")
    chosen = _settings(data)
    with importing():
        from app.commands import audit

    if not receipt:
        raise typer.Exit(audit.audit(chosen))
    receipts = [each for given in receipt for each in _receipts(given)]
    raise typer.Exit(audit.check_receipts(chosen, receipts, keys_before=key_before or []))


@app.command()
def reseal(
    key_before: Annotated[
        Path | None,
        typer.Option(help="A file with the former AUDIT_KEY.", show_default=False),
    ] = None,
    no_key_before: Annotated[
        bool, typer.Option("--no-key-before", help="The ledgers were sealed without a key.")
    ] = False,
    data: Data = None,
) -> None:
    """Reseal all ledgers after AUDIT_KEY was replaced. Start it once all processes have the new key."""
    if (key_before is None) != no_key_before:
        _refuse(
            "Give either --key-before with a file that contains the former AUDIT_KEY, or --no-key-before."
        )
    chosen = _settings(data)
    with importing():
        from app.commands import reseal

    raise typer.Exit(reseal.reseal(chosen, key_before=key_before))


@app.command("begin-epoch")
def begin_epoch(data: Data = None) -> None:
    """Begin a new epoch of the event streams, after restoring a backup to an earlier point in time.

    Run it as the owner of the tables, before any process is started. See docs/operating.md, Backups.
    """
    chosen = _settings(data)
    from app.commands import epoch

    raise typer.Exit(epoch.begin(chosen))


@app.command()
def doctor(data: Data = None) -> None:
    """Report what is configured, reachable and migrated, and how to fix what is not."""
    chosen = _settings(data)
    with importing():
        from app.commands import doctor

    raise typer.Exit(doctor.run(chosen))


def _receipts(given: str) -> list[str]:
    if given != "-":
        return [given]
    return [line.strip() for line in sys.stdin if line.strip()]


def main() -> None:
    app(prog_name="./wallet")


if __name__ == "__main__":
    main()
