"""`operators`: adds, removes and lists operators, and records each change in the sealed log."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal, TypeVar

from app.commands import terminal
from domain import errors
from domain.people.accounts import clean_email
from persistence.engine import database as engine
from persistence.engine.database import Database
from persistence.operators import actions, operators
from settings import Settings

Result = TypeVar("Result")


def add(settings: Settings, email: str) -> int:
    """Make the user with that address an operator. Exit status 0, or 1 after a sentence."""
    with terminal.sentences() as outcome:
        address = _address(email)
        person, is_new = _run(
            settings,
            address,
            lambda db: operators.add(db, address, audit_key=settings.sealing_key),
        )
        if not is_new:
            terminal.say(f"{address} is an operator already: nothing to do.")
            return outcome.status
        terminal.say(f"{address} is an operator now.")
        if not _run(settings, address, lambda db: operators.has_second_factor(db, person.user_id)):
            terminal.say(
                "They cannot use the back office until they enable a second factor in their security "
                "settings."
            )
    return outcome.status


def remove(settings: Settings, email: str) -> int:
    """Stop the user with that address from being an operator. Exit status 0, or 1 after a sentence."""
    with terminal.sentences() as outcome:
        address = _address(email)
        _, was_one = _run(
            settings,
            address,
            lambda db: operators.remove(db, address, audit_key=settings.sealing_key),
        )
        if was_one:
            terminal.say(f"{address} is no longer an operator.")
        else:
            terminal.say(f"{address} is not an operator: nothing to do.")
    return outcome.status


def show(settings: Settings) -> int:
    """List the operators. Exit status 0, or 1 after a sentence."""
    with terminal.sentences() as outcome:
        found = _run(settings, "", operators.listed)
        for each in found:
            notes = [
                *([] if each.is_open else ["account closed"]),
                *(
                    []
                    if each.has_second_factor
                    else ["no second factor: cannot use the back office"]
                ),
            ]
            terminal.say(
                f"{each.email} ({each.name}), since {each.added_at:%Y-%m-%d}"
                f"{''.join(f', {note}' for note in notes)}"
            )
        if not found:
            terminal.say("There are no operators. Add one with `./wallet operators add EMAIL`.")
    return outcome.status


async def examine(database: Database) -> tuple[Literal["ok", "bad"], str]:
    """The state of operators and their proposals, for `doctor`: "ok" or "bad", and a sentence."""
    listed = [each for each in await operators.listed(database) if each.is_open]
    able = sum(each.has_second_factor for each in listed)
    waiting = await actions.waiting(database)
    says = (
        f"{len(listed)}, {able} of them with a second factor; {waiting} proposals await a decision"
    )
    if waiting and able < 2:
        # The one who proposed it cannot decide.
        return "bad", f"{says}. Add another operator with `./wallet operators add` to decide them."
    return "ok", says


def _address(email: str) -> str:
    try:
        return clean_email(email)
    except errors.InvalidInput as refusal:
        raise terminal.Refused(refusal.message) from None


def _run(settings: Settings, address: str, work: Callable[[Database], Awaitable[Result]]) -> Result:
    async def opened() -> Result:
        db = await engine.Database.open(settings.database_url.get_secret_value())
        try:
            return await work(db)
        finally:
            await db.close()

    try:
        return asyncio.run(opened())
    except errors.NotFound:
        raise terminal.Refused(
            f"No user has verified the address {address}. Have them register and verify it first."
        ) from None
