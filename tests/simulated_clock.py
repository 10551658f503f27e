"""A clock that a test sets: that of its database, which decides about money and about what is due."""

from __future__ import annotations

from datetime import datetime

import psycopg

from tests import clusters

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
        self._connections = [
            psycopg.connect(url, autocommit=True, options="-c citus.enable_ddl_propagation=off")
            for url in clusters.servers(admin_url)
        ]
        for connection in self._connections:
            connection.execute(_INSTALL)
            connection.execute("INSERT INTO simulated_clock VALUES (%s)", [time])

    def set(self, time: datetime) -> None:
        """It is that time from now on."""
        for connection in self._connections:
            connection.execute("UPDATE simulated_clock SET time = %s", [time])

    def close(self) -> None:
        for connection in self._connections:
            connection.close()
