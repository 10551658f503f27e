"""Asks each server of DATABASE_URL, also those that accept no writes, what it is."""

from __future__ import annotations

import asyncio
from typing import Literal

import psycopg
from psycopg import conninfo

from domain.values import value
from persistence.engine import addresses
from persistence.engine.addresses import Server

Role = Literal["primary", "standby", "read-only"]

_SECONDS = 2.0
_ASK = b"""
SELECT CASE WHEN pg_is_in_recovery() THEN 'standby'
    WHEN current_setting('transaction_read_only') = 'on' THEN 'read-only' ELSE 'primary' END
"""


@value
class Surveyed:
    """One server and its role; without a role, why it could not be asked."""

    server: Server
    role: Role | None
    trouble: str = ""


async def survey(url: str) -> list[Surveyed]:
    """All servers at once, in the order of DATABASE_URL. Takes two seconds at most."""
    given = conninfo.conninfo_to_dict(addresses.parse(url).url, target_session_attrs="any")
    each = (
        _ask(server, conninfo.make_conninfo("", **{**given, **_alone(server)}))
        for server in addresses.parse(url).servers
    )
    return list(await asyncio.gather(*each))


def _alone(server: Server) -> dict[str, str | None]:
    return {"host": server.host.strip("[]"), "port": str(server.port), "hostaddr": None}


async def _ask(server: Server, address: str) -> Surveyed:
    try:
        async with (
            asyncio.timeout(_SECONDS),
            await psycopg.AsyncConnection.connect(address, autocommit=True) as connection,
        ):
            [role] = await (await connection.execute(_ASK)).fetchone() or (None,)
            return Surveyed(server, role)
    except TimeoutError:
        return Surveyed(server, None, "no answer")
    except psycopg.Error as error:
        lines = str(error).splitlines() or ["no answer"]
        return Surveyed(server, None, lines[-1].rpartition("failed: ")[2].strip().rstrip(".?"))


def summary(found: list[Surveyed]) -> str:
    """Such as "10.0.0.1:5432 is a standby, 10.0.0.2:5432 cannot be reached (connection refused)"."""
    return ", ".join(
        f"{each.server} is {_NAMES[each.role]}"
        if each.role
        else f"{each.server} cannot be reached ({each.trouble})"
        for each in found
    )


_NAMES: dict[Role, str] = {
    "primary": "the primary",
    "standby": "a standby",
    "read-only": "read-only",
}
