"""A clock that a test sets: that of its database, which decides about money and about what is due."""

from __future__ import annotations

from datetime import datetime

import psycopg

_INSTALL = """
CREATE TABLE public.simulated_clock (time timestamptz NOT NULL);
GRANT SELECT ON public.simulated_clock TO PUBLIC;
ALTER FUNCTION pg_catalog.clock_timestamp() RENAME TO real_clock_timestamp;
ALTER FUNCTION pg_catalog.now() RENAME TO real_now;
CREATE FUNCTION pg_catalog.clock_timestamp() RETURNS timestamptz LANGUAGE sql STABLE
    AS 'SELECT time FROM public.simulated_clock';
CREATE FUNCTION pg_catalog.now() RETURNS timestamptz LANGUAGE sql STABLE
    AS 'SELECT time FROM public.simulated_clock';
"""


class SimulatedClock:
    """The clock of one database, which only the test moves."""

    def __init__(self, admin_url: str, time: datetime) -> None:
        """`admin_url` is that of a superuser, in the test's own database."""
        self._connection = psycopg.connect(admin_url, autocommit=True)
        self._connection.execute(_INSTALL)
        self._connection.execute("INSERT INTO simulated_clock VALUES (%s)", [time])

    def set(self, time: datetime) -> None:
        """It is that time from now on."""
        self._connection.execute("UPDATE simulated_clock SET time = %s", [time])

    def close(self) -> None:
        self._connection.close()
