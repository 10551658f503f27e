"""The commands for work on the project itself: tests, releases, the benchmark and the torture run."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from app.command_line import ROOT

#: On two cores: tests spend half of their time waiting for services that they start. Six took no less time than four.
SIDE_BY_SIDE = ["-n", "4", "--dist", "loadfile", "--no-loadscope-reorder"]

app = typer.Typer()


@app.command(
    "test",
    context_settings={
        "allow_extra_args": True,
        "ignore_unknown_options": True,
        "help_option_names": [],
    },
)
def run_tests(
    context: typer.Context,
    database_url: Annotated[
        str | None,
        typer.Option(
            help="A database on an existing PostgreSQL 16 or newer, or on a distributed Citus cluster: the "
            "tests create databases beside it. Its role must have CREATEDB and not be a superuser.",
            show_default=False,
        ),
    ] = None,
    admin_database_url: Annotated[
        str | None,
        typer.Option(
            help="The same database with a superuser's role, which some tests need to damage data.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Run all tests on embedded services of their own. Further arguments are passed to pytest."""
    if context.args in (["--help"], ["-h"]):
        typer.echo(context.get_help())
        return
    arguments = [_from_root(argument) for argument in context.args]
    paths = [argument for argument in arguments if Path(argument.split("::")[0]).is_absolute()]
    if not paths or any("/tests/client" in path for path in paths):
        with contextlib.nullcontext() if arguments else _compiling():
            _prepare_browser_tests()
    existing = {"TEST_DATABASE_URL": database_url, "TEST_ADMIN_DATABASE_URL": admin_database_url}
    os.environ.update({name: url for name, url in existing.items() if url is not None})
    _become([sys.executable, "-m", "pytest", *(arguments or SIDE_BY_SIDE)])


@app.command()
def release(
    version: Annotated[str, typer.Argument(help="The new version, such as 1.2.3.")],
) -> None:
    """Prepare a release of this checkout: changelog, baseline of the schema, version, and archive."""
    from dev import release

    try:
        release.prepare(version, typer.echo)
    except release.Refused as refused:
        typer.echo(str(refused), err=True)
        raise typer.Exit(1) from None


@app.command()
def bench(
    quick: Annotated[
        bool, typer.Option("--quick", help="A short run, to check that everything works.")
    ] = (False),
    only: Annotated[
        str | None,
        typer.Option(
            help="Parts to run, separated by commas: transfers, hot, reads, page, subscribers, search, start, mixed."
        ),
    ] = None,
    rivals: Annotated[
        bool,
        typer.Option("--rivals", help="Also measure other GraphQL servers, which run on Node."),
    ] = False,
    database_url: Annotated[
        str | None,
        typer.Option(
            help="Also measure the wallet on this migrated database without users, such as a cluster.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Compare the wallet with plain PostgreSQL on the same machine, as ratios."""
    chosen = ["--quick"] if quick else []
    chosen += ["--only", only] if only else []
    chosen += ["--rivals"] if rivals else []
    chosen += ["--database-url", database_url] if database_url else []
    _become([sys.executable, "-m", "bench.run", *chosen])


@app.command(
    context_settings={
        "allow_extra_args": True,
        "ignore_unknown_options": True,
        "help_option_names": [],
    }
)
def torture(context: typer.Context) -> None:
    """Transfer money while processes and services fail, and verify the guarantees. See `torture --help`."""
    _become([sys.executable, "-P", "-m", "torture.run", *context.args], folder=Path.cwd())


def _prepare_browser_tests() -> None:
    """Prepare what takes long the first time, with visible progress; the tests report what is missing."""
    from concurrent.futures import ThreadPoolExecutor

    from dev import browser
    from dev.up import building

    with ThreadPoolExecutor(1) as aside:
        chromium = aside.submit(browser.install_chromium, lambda what: typer.echo(f"{what} …"))
        for problem in building.build(lambda name: typer.echo(f"Building the {name} …")):
            typer.echo(problem, err=True)
    chromium.result()


@contextlib.contextmanager
def _compiling() -> Iterator[None]:
    """Meanwhile, have pytest compile the tests, or each of its processes would do so at the same time."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-qq"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=quiet, stderr=quiet):  # noqa: S603
        yield


def _from_root(argument: str) -> str:
    """The path of a test relative to the root of the project, where pytest runs."""
    path, *rest = argument.split("::")
    if argument.startswith("-") or not Path(path).exists():
        return argument
    return "::".join([str(Path(path).resolve()), *rest])


def _become(command: list[str], folder: Path = ROOT) -> NoReturn:
    """Replace this process by another program of this project, in that folder."""
    os.chdir(folder)
    os.execve(command[0], command, {**os.environ, "PYTHONPATH": str(ROOT)})  # noqa: S606
