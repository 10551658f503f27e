"""`./wallet operators`: adds, removes and lists operators."""

from __future__ import annotations

from typing import Annotated

import typer

from app.command_line import Data, read_settings
from app.importing import importing

app = typer.Typer(
    help="Add, remove and list operators, who use the back office. The API cannot change who is one.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
Email = Annotated[str, typer.Argument(help="The verified email address of the user.")]


@app.command()
def add(email: Email, data: Data = None) -> None:
    """Make a user an operator. They cannot use the back office until they have a second factor."""
    chosen = read_settings(data)
    with importing():
        from app.commands import operators

    raise typer.Exit(operators.add(chosen, email))


@app.command()
def remove(email: Email, data: Data = None) -> None:
    """Stop a user from being an operator, with immediate effect."""
    chosen = read_settings(data)
    with importing():
        from app.commands import operators

    raise typer.Exit(operators.remove(chosen, email))


@app.command("list")
def list_(data: Data = None) -> None:
    """List the operators."""
    chosen = read_settings(data)
    with importing():
        from app.commands import operators

    raise typer.Exit(operators.show(chosen))
