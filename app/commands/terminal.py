"""Output of commands: sentences for the operator, without tracebacks for expected errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from rich.console import Console
from sqlalchemy import exc

from domain import errors
from domain.ledger import money
from persistence.engine import condition, database
from settings import Settings, SettingsError

console = Console(highlight=False, soft_wrap=True)
_errors = Console(stderr=True, highlight=False, soft_wrap=True)


class Refused(Exception):
    """The command cannot be executed; the message is a sentence for the operator."""


class Outcome:
    """The exit status of a command."""

    status = 0


def say(sentence: str) -> None:
    """Print a sentence on standard output."""
    console.print(sentence, markup=False)


@contextmanager
def sentences() -> Iterator[Outcome]:
    """Print a refusal or an unavailable service as a sentence instead of a traceback."""
    outcome = Outcome()
    try:
        yield outcome
        return
    except (Refused, SettingsError) as refusal:
        sentence = str(refusal)
    except errors.Unavailable as error:
        sentence = condition.explain(error.__cause__)
    except (exc.DBAPIError, psycopg.Error) as error:
        if not database.is_trouble(error):
            raise
        sentence = condition.explain(error)
    outcome.status = 1
    _errors.print(sentence, style="red", markup=False)


def reason(error: exc.DBAPIError | psycopg.Error) -> str:
    """Why a database cannot be reached, and what to check."""
    return f"{database.plain(error)}. Is it running, and is DATABASE_URL right?"


def limits(settings: Settings) -> money.Limits:
    """The limits on amounts. Raises SettingsError."""
    # Imported here because it imports the whole API, which `migrate` does not need.
    from app import wiring

    return wiring.read_limits(settings)
