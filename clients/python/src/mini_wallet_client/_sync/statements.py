"""Account statements, their files, and what they consist of.

Derived from `_async/statements.py` by `python -m clients.generate`: do not edit.
"""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

from mini_wallet_client import documents, models
from mini_wallet_client._sync.base import Part


class Statements(Part):
    """Statements of one wallet."""

    def statement(
        self,
        first_day: date,
        last_day: date,
        format: models.StatementFormat = models.StatementFormat.PDF,  # noqa: A002 - as in the API
    ) -> models.StatementResult:
        """The account statement of these days, both inclusive, in the user's time zone.

        `download` of the statement is the address of its file in that format, for five minutes.
        """
        variables = {"from": first_day, "to": last_day, "format": format}
        return self._transport.execute(documents.STATEMENT, variables)

    def insights(
        self, first_day: date, last_day: date, *, people: int = 10
    ) -> models.InsightsResult:
        """The figures of the statement of these days, by month, by day and by person."""
        variables = {"from": first_day, "to": last_day, "people": people}
        return self._transport.execute(documents.INSIGHTS, variables)

    def download(self, statement: models.Statement, path: str | os.PathLike[str]) -> None:
        """Write the statement's file to the path, which afterwards has all of it or is as before.

        A download that is cut off begins again. Raises WalletError: after five minutes, read the
        statement again.
        """
        self._transport.download(statement.download, Path(path))
