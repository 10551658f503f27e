"""Statements that a session keeps: PostgreSQL does not parse them again, and plans most of them once."""

from __future__ import annotations

import time
from hashlib import sha256
from typing import Any, ClassVar

import psycopg
import structlog

log = structlog.get_logger()

#: For how long a session keeps plans: tables may grow faster than they are analyzed.
_SECONDS = 60.0
#: The name is unknown, or already in use: the session is not the one that prepared the statement.
_OF_ANOTHER_SESSION = frozenset({"26000", "42P05"})
#: PostgreSQL's function that refuses a plan because a migration changed the types of its result.
_REFUSES_PLANS = "RevalidateCachedQuery"
#: What plans fail with that depend on the columns of a table through the result of a function.
_OF_OTHER_COLUMNS = frozenset({"42703", "42804"})


class Kept(bytes):
    """A frequent statement with parameters, which sessions keep; one of few, none of them made of values."""

    def __init__(self, _command: bytes) -> None:
        #: The same for the same statement in every process, so that it never stands for another one.
        self.name = b"mini_wallet_" + sha256(self).hexdigest()[:32].encode()


class NotKept(psycopg.OperationalError):
    """A session does not have a statement any more, or its plan is outdated: nothing was committed, and the
    next attempt succeeds."""


class Prepared:
    """What one session has prepared. Ends with its connection, which is closed after any error."""

    #: What was prepared before is outdated; None where sessions turned out not to keep anything.
    _trusted_since: ClassVar[float | None] = 0.0

    __slots__ = ("_is_reused", "_names", "_since")

    def __init__(self) -> None:
        self._names: set[bytes] = set()
        self._since = time.monotonic()
        #: Whether the round trip executes what an earlier one prepared.
        self._is_reused = False

    @property
    def is_possible(self) -> bool:
        """Whether statements can be prepared."""
        return Prepared._trusted_since is not None

    def start(self) -> bool:
        """A round trip begins; whether the session has to discard what it has prepared, which is too old."""
        self._is_reused = False
        now, trusted_since = time.monotonic(), Prepared._trusted_since or 0.0
        if self._since + _SECONDS > now and self._since >= trusted_since:
            return False
        self._since = now
        had_any = bool(self._names)
        self._names.clear()
        return had_any

    def add(self, statement: Kept) -> bool:
        """Whether the statement has to be prepared now; it is known from now on."""
        if statement.name in self._names:
            self._is_reused = True
            return False
        self._names.add(statement.name)
        return True

    def check(self, error: psycopg.Error) -> None:
        """Raises NotKept if the error is due to what was prepared: all sessions prepare it anew, or no more."""
        if error.sqlstate in _OF_ANOTHER_SESSION:
            Prepared._trusted_since = None
            log.warning(
                "statements are no longer prepared: a pooler seems to share sessions",
                error=repr(error),
            )
            raise NotKept(str(error)) from error
        if self._is_reused and (
            error.sqlstate in _OF_OTHER_COLUMNS or error.diag.source_function == _REFUSES_PLANS
        ):
            Prepared._trusted_since = time.monotonic()
            raise NotKept(str(error)) from error


class Session(psycopg.AsyncConnection[Any]):
    """A connection that may keep statements."""

    #: None where the session may be another one for the next transaction.
    prepared: Prepared | None = None
