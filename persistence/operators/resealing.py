"""Resealing of the log of operators, after the key was replaced."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import psycopg

from domain.operators import log
from persistence.ledger import sealing
from persistence.operators import log_rows

_RECORDS = f"SELECT {log_rows.COLUMNS} FROM operator_records ORDER BY position"  # noqa: S608
_SEAL = "UPDATE operator_records SET seal = %s WHERE position = %s"
_SEAL_HEAD = "UPDATE operator_log SET seal = %s WHERE id = 1"


def reseal(
    connection: psycopg.Connection[Any], key: bytes, *, sealed_with: Collection[bytes]
) -> int:
    """Reseal every record with `key`, in one transaction; returns their number.

    Operators who act meanwhile wait. Raises sealing.WrongSeal where a seal is of none of the keys.
    """
    keys = {key, *sealed_with}
    with connection.transaction():
        connection.execute(sealing.RESEALING)
        (*_, end), *_ = connection.execute(log_rows.LOCK_HEAD).fetchall()
        before = after = log.EMPTY_LOG_SEAL
        records = 0
        for row in connection.execute(_RECORDS).fetchall():
            record = log_rows.from_row(row)
            if all(log.seal(each, record, before) != record.seal for each in keys):
                raise sealing.WrongSeal(f"operator_records {record.position}")
            before, after = record.seal, log.seal(key, record, after)
            if after != record.seal:
                connection.execute(_SEAL, [after, record.position])
            records += 1
        if end != before:
            raise sealing.WrongSeal("operator_log 1")
        connection.execute(_SEAL_HEAD, [after])
    return records
