"""`demo`: adds the three demo users, each with a balance."""

from __future__ import annotations

import asyncio
import functools
import secrets
import sys
from collections.abc import Callable
from decimal import Decimal

from app.commands import terminal
from domain import authority, ids
from domain.ledger import kinds, money
from domain.ledger.add_balance import AddBalance
from domain.people import passwords, sessions
from domain.people.sessions import Principal
from persistence.engine import database
from persistence.ledger import history
from persistence.ledger.ledger import Ledger
from persistence.people import accounts, registrations, sign_ins
from persistence.people import handles as stored_handles
from persistence.people import sessions as stored_sessions
from settings import Settings

_NAMES = ("User Alpha", "User Beta", "User Gamma")
_PASSWORD = "mini@Wallet025"  # noqa: S105
_TOP_UP = Decimal(1000)
_TOP_UP_KEY = "demo-top-up"


def demo(
    settings: Settings, *, yes: bool = False, password_rounds: int = passwords.DEFAULT_ROUNDS
) -> int:
    """Add the demo users, each with a balance of 1,000.00. Exit status 0, or 1 after an error message.

    Their password is public, so a public `APP_URL` requires `yes`. `password_rounds` is the cost of
    hashing it.
    """
    with terminal.sentences() as outcome:
        if not settings.app_is_local and not yes:
            raise terminal.Refused(
                f"APP_URL is {settings.app_url}, which is a public address, and the password of the demo "
                "users is public too. To add them anyway, run `./wallet demo --yes`."
            )
        added, given = asyncio.run(_seed(settings, password_rounds))
        names = ", ".join(_NAMES)
        if added or not given:
            terminal.say(f"{names} {'were added' if added else 'already exist: nothing to do'}.")
        else:
            terminal.say(f"{names} have handles now.")
        # The password is printed for the operator and must not appear in logs.
        if added and sys.stdout.isatty():
            terminal.say(
                f"They sign in as {_email(_NAMES[0])} and so on, with the password {_PASSWORD}."
            )
    return outcome.status


def _handle(name: str) -> str:
    return name.lower().replace(" ", ".")


def _email(name: str) -> str:
    return f"{_handle(name)}@demo.app"


async def _seed(settings: Settings, password_rounds: int) -> tuple[int, int]:
    """The numbers of users that were added, and that were given a handle."""
    url, limits = settings.database_url.get_secret_value(), terminal.limits(settings)
    opened = await database.Database.open(url)
    ledger = await Ledger.open(url, limits, connections=1, audit_key=settings.sealing_key)
    # Once for all of them: their password is public, and hashing takes as long as the rest.
    hashed = functools.cache(functools.partial(passwords.hash_password, _PASSWORD, password_rounds))
    try:
        added = [await _seed_person(opened, ledger, limits, name, hashed) for name in _NAMES]
        given = [await _give_handle(opened, name) for name in _NAMES]
        return sum(added), sum(given)
    finally:
        await ledger.close()
        await opened.close()


async def _seed_person(
    opened: database.Database,
    ledger: Ledger,
    limits: money.Limits,
    name: str,
    hashed: Callable[[], str],
) -> bool:
    user_id = await accounts.user_id_by_email(opened, _email(name))
    if user_id is not None and await history.entry_by_key(
        opened, user_id, kinds.Kind.TOP_UP, _TOP_UP_KEY
    ):
        return False
    user_id = await registrations.register_verified(
        opened,
        name=name,
        email=_email(name),
        password_hash=hashed(),
    )
    # Posting requires an active session: create a temporary one, and end it afterwards.
    secret = secrets.token_urlsafe(32)
    token = sessions.first_refresh_token(user_id, ids.new_id())
    new = sign_ins.NewSession(
        token, token.render(secret), user_agent="./wallet demo", ip_address=None, is_known=True
    )
    password_hash = await accounts.password_hash(opened, user_id)
    await sign_ins.begin(opened, new, password_hash=password_hash)
    most = limits.money(min(limits.maximum_top_up_minor, limits.maximum_balance_minor)).amount
    await ledger.move(
        AddBalance(
            authority=authority.Session(user_id, token.session_id),
            amount=min(_TOP_UP, most),
            idempotency_key=_TOP_UP_KEY,
            reference=ids.new_id(),
        )
    )
    await stored_sessions.end(
        opened, Principal(user_id, session_id=token.session_id), token.session_id
    )
    return True


async def _give_handle(opened: database.Database, name: str) -> bool:
    """Give the user a handle, unless they have had one: those of earlier releases have none."""
    user_id = await accounts.user_id_by_email(opened, _email(name))
    return user_id is not None and await stored_handles.give_first(opened, user_id, _handle(name))
