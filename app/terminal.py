"""What a command says to its operator: sentences, and never a traceback for what may happen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from rich.console import Console
from sqlalchemy import exc

from domain import errors, money
from persistence import database
from settings import Settings, SettingsError

console = Console(highlight=False, soft_wrap=True)
_errors = Console(stderr=True, highlight=False, soft_wrap=True)


class Refused(Exception):
    """The operation cannot be done; the text is a sentence for the operator."""


class Outcome:
    """The exit status that a command ends with."""

    status = 0


def say(sentence: str) -> None:
    """A sentence on the standard output."""
    console.print(sentence, markup=False)


@contextmanager
def sentences() -> Iterator[Outcome]:
    """Say what was refused, or what is away, in a sentence instead of a traceback."""
    outcome = Outcome()
    try:
        yield outcome
        return
    except (Refused, SettingsError) as refusal:
        sentence = str(refusal)
    except errors.Unavailable as error:
        sentence = _trouble(error.__cause__)
    except (exc.DBAPIError, psycopg.Error) as error:
        if not database.is_trouble(error):
            raise
        sentence = _trouble(error)
    outcome.status = 1
    _errors.print(sentence, style="red", markup=False)


def _trouble(error: BaseException | None) -> str:
    """What is wrong with the database, and what to do."""
    if not isinstance(error, exc.DBAPIError | psycopg.Error):
        return "The database cannot be reached. Is it running, and is DATABASE_URL right?"
    state = database.sqlstate(error)
    if state in database.NOT_MIGRATED:
        return "The database has not the tables of this version: run `./wallet migrate`."
    if state == database.NOT_ALLOWED:
        return (
            f"The role of DATABASE_URL may not do this ({plain(error)}): grant it as in "
            "docs/operating.md, Roles, or use the owner of the tables."
        )
    if state == database.READ_ONLY_TRANSACTION:
        return (
            "The database is read-only: it is a standby, or default_transaction_read_only is on for the "
            "server, the database or the role."
        )
    return f"The database cannot be reached: {reason(error)}"


def reason(error: exc.DBAPIError | psycopg.Error) -> str:
    """Why a database cannot be reached, and what to look at."""
    return f"{plain(error)}. Is it running, and is DATABASE_URL right?"


def plain(error: exc.DBAPIError | psycopg.Error) -> str:
    """What the database said, in one line."""
    said = error.orig if isinstance(error, exc.DBAPIError) else error
    primary = said.diag.message_primary if isinstance(said, psycopg.Error) else None
    return " ".join((primary or str(said)).split()).rstrip(".?")


def limits(settings: Settings) -> money.Limits:
    """What this service allows. Raises SettingsError."""
    # Here, because with it comes the whole API, which `migrate` has no use for.
    from app import wiring

    return wiring.read_limits(settings)
