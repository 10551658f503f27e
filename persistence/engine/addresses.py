"""DATABASE_URL: the servers that it lists, in libpq's form."""

from __future__ import annotations

import re
from functools import cache
from urllib.parse import parse_qsl, quote, unquote

from domain.values import value

_DEFAULT_PORT = 5432
# A password may contain any character, also an @: the hosts follow the last one.
_URL = re.compile(
    r"(?:postgresql|postgres)(?:\+psycopg)?://(?:(?P<user>.*)@)?(?P<hosts>[^\s/?#@]*)"
    r"(?P<path>/[^\s?#@]*)?(?P<query>\?[^\s#@]*)?"
)
_HOST = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s:\[\]]*)(?::(?P<port>[0-9]{1,5}))?")
_EXAMPLE = "an address such as postgresql://user:password@host:5432/db"
#: Values of `target_session_attrs` with which libpq connects only to a server that accepts writes.
_WRITABLE = ("read-write", "primary")


@value
class Server:
    """One server of the list; `host` may also be the folder of a socket."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@value
class Addresses:
    """What DATABASE_URL says."""

    #: For libpq and psycopg.
    url: str
    #: In the order in which they are listed. Empty if libpq's defaults say where the server is.
    servers: tuple[Server, ...]

    @property
    def are_several(self) -> bool:
        """Whether one server may take over from another."""
        return len(self.servers) > 1


@cache
def parse(url: str) -> Addresses:
    """Raises ValueError with a clause that says what is wrong, without the password."""
    parts = _URL.fullmatch(url)
    # The server may also be a socket: postgresql:///wallet?host=/run/postgresql
    if parts is None or not (parts["hosts"] or parts["path"]):
        raise ValueError(f"it takes {_EXAMPLE}")
    query = dict(parse_qsl((parts["query"] or "?")[1:]))
    servers = _of_query(query) if "host" in query else _of_hosts(parts["hosts"])
    _check(query.get("target_session_attrs", "any"), servers)
    path, options = parts["path"] or "", parts["query"] or ""
    return Addresses(f"postgresql://{_user(parts['user'])}{parts['hosts']}{path}{options}", servers)


def _of_hosts(hosts: str) -> tuple[Server, ...]:
    if not hosts:
        return ()
    found = [_HOST.fullmatch(part) for part in hosts.split(",")]
    if not all(part is not None and part["host"] for part in found):
        raise ValueError(f"it takes {_EXAMPLE}, with commas between several host:port")
    return tuple(
        _server(part["host"], part["port"] or str(_DEFAULT_PORT)) for part in found if part
    )


def _of_query(query: dict[str, str]) -> tuple[Server, ...]:
    hosts = query["host"].split(",")
    ports = query.get("port", str(_DEFAULT_PORT)).split(",")
    if len(ports) == 1:
        ports *= len(hosts)
    if len(ports) != len(hosts) or not all(hosts) or not all(map(str.isdecimal, ports)):
        raise ValueError(
            "its parameters host and port must list as many of the one as of the other"
        )
    return tuple(map(_server, hosts, ports))


def _server(host: str, port: str) -> Server:
    if not 1 <= int(port) <= 65_535:
        raise ValueError(f"{port} is no port")
    return Server(host, int(port))


def _check(wanted: str, servers: tuple[Server, ...]) -> None:
    if wanted not in ("any", *_WRITABLE):
        raise ValueError(
            "its target_session_attrs must be read-write, because the service needs a server that "
            "accepts writes"
        )
    if len(servers) > 1 and wanted not in _WRITABLE:
        raise ValueError(
            "it lists several hosts, and needs target_session_attrs=read-write, so that no standby is used"
        )


def _user(given: str | None) -> str:
    """User and password with every special character quoted, as libpq requires."""
    if given is None:
        return ""
    parts = (quote(unquote(part), safe="") for part in given.split(":", 1))
    return f"{':'.join(parts)}@"
