"""The servers of the tests' databases: on a Citus cluster, every node has each of them."""

from __future__ import annotations

import functools
from urllib.parse import urlsplit, urlunsplit

import psycopg

from persistence.cluster import distributing

_NODES = """
SELECT nodename, nodeport FROM pg_dist_node WHERE isactive AND noderole = 'primary' ORDER BY groupid
"""


@functools.cache
def nodes(url: str) -> tuple[tuple[str, int], ...]:
    """Host and port of every node of the cluster, the coordinator first; none for a plain PostgreSQL."""
    with psycopg.connect(url, autocommit=True) as connection:
        if not distributing.has_citus(connection):
            return ()
        return tuple(connection.execute(_NODES).fetchall())


def servers(url: str) -> list[str]:
    """The URL of that database on each node, or that URL for a plain PostgreSQL."""
    return [_on(host, port, url) for host, port in nodes(url)] or [url]


def coordinator(url: str) -> str:
    """The URL of that database on the coordinator, or that URL for a plain PostgreSQL."""
    return servers(url)[0]


def _on(host: str, port: int, url: str) -> str:
    parts = urlsplit(url)
    credentials = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    return urlunsplit(parts._replace(netloc=f"{credentials}{host}:{port}"))
