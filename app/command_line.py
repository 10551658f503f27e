"""What the modules of the command line share: the data folder, the settings, and refusals."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from app.importing import importing

if TYPE_CHECKING:
    from settings import Settings

ROOT = Path(__file__).resolve().parents[1]
DEFAULT_DATA = ROOT / ".wallet"
USAGE = 2

Data = Annotated[
    Path | None,
    typer.Option(
        help="Use the services of the `up` that runs with this data folder, if DATABASE_URL is not "
        "set. The default is the folder of a plain `./wallet up`.",
        show_default=False,
    ),
]


def read_settings(data: Path | None = None) -> Settings:
    """The settings of the environment, or of a running `up` for commands that allow it."""
    with importing():
        import settings
        from app.commands import services_of_up

    try:
        if data is not None or sys.argv[1:2] not in (["serve"], ["worker"], ["relay"]):
            services_of_up.use_if_needed(data or DEFAULT_DATA)
        return settings.load()
    except (settings.SettingsError, services_of_up.NotRunning) as error:
        refuse(str(error))


def refuse(sentence: str) -> NoReturn:
    """Print the sentence on standard error and exit with the status of wrong usage."""
    typer.echo(sentence, err=True)
    raise typer.Exit(USAGE)
