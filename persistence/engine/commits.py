"""COMMIT, which succeeds only once the transaction is on every server that has to have it.

A commit waits for the synchronous standbys. If anyone cancels the statement, PostgreSQL ends the wait, reports
success with a warning and shows the transaction to everyone, although a failover would lose it. So a commit is
never cancelled on the server (a statement timeout does not do it), and that warning is an error.
"""

from __future__ import annotations

import psycopg
from psycopg.errors import Diagnostic

#: The function of PostgreSQL that waits, named in its warnings in any language.
_WAITING = "SyncRepWaitForLSN"


class Warnings:
    """The warnings of a connection that a commit may not have been replicated."""

    __slots__ = ("_messages",)

    def __init__(self) -> None:
        self._messages: list[str] = []

    def take(self, notice: Diagnostic) -> None:
        """For `psycopg.AsyncConnection.add_notice_handler`."""
        if notice.source_function == _WAITING:
            self._messages.append(notice.message_primary or _WAITING)

    def check(self) -> None:
        """Raises OperationalError after such a warning: whether the commit survives a failover is unknown."""
        if self._messages:
            raise psycopg.OperationalError(self._messages.pop())
