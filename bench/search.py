"""Searching among a large number of users: the wallet's search against an unindexed, ordered scan."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import psycopg

from bench.measure import Spread, percentile
from domain.paging import PageRequest
from persistence.engine.database import Database
from persistence.people import search

#: In each round.
SEARCHES = 80
SCANS = 3
PAGE = 20

SYLLABLES = (
    "ba be bo da de di do fa fe ga go ha he ja jo ka ki ko la le li lo ma mi mo na ne ni no pa pe po "
    "ra ri ro sa se si so ta te ti to va ve vi wa we ya zo"
).split()


def _syllable(place: int) -> str:
    return f"(%(syllables)s::text[])[1 + mod(abs(hashint8extended(n, {place})), %(kinds)s)]"


# Given names of two syllables, family names of four: millions of different names.
_USERS = f"""
WITH named AS (
    SELECT n, initcap({_syllable(1)} || {_syllable(2)} || ' ' || {_syllable(3)} || {_syllable(4)}
        || {_syllable(5)} || {_syllable(6)}) AS name
    FROM generate_series(1, %(users)s) AS n
)
INSERT INTO users (id, name, search_text, email, email_verified_at, password_hash)
SELECT ('00000000-0000-7000-9000-' || lpad(n::text, 12, '0'))::uuid, name, lower(name),
    'found' || n || '@bench.example', now(), '-'
FROM named
"""
_ADDRESSES = """
INSERT INTO email_addresses (address, user_id) SELECT email, id FROM users
WHERE starts_with(email, 'found')
"""
# The query of an application without an index.
_SCAN = """
SELECT id, name FROM users
WHERE name ILIKE %(pattern)s AND email_verified_at IS NOT NULL AND closed_at IS NULL
ORDER BY name LIMIT 20
"""


@dataclass(frozen=True, slots=True)
class Round:
    """Times in milliseconds: medians, and a percentile of the searches."""

    search_ms: float
    search_p99_ms: float
    scan_ms: float


@dataclass(frozen=True, slots=True)
class Found:
    """The rounds of searches and scans."""

    users: int
    rounds: Sequence[Round]

    @property
    def ratio(self) -> Spread:
        """The time of a scan divided by that of a search."""
        rounds = [each.scan_ms / each.search_ms for each in self.rounds]
        return Spread(self.median("scan_ms") / self.median("search_ms"), min(rounds), max(rounds))

    def median(self, name: str) -> float:
        """The median of that figure over the rounds."""
        middle: float = statistics.median(getattr(each, name) for each in self.rounds)
        return middle


def populate(database_url: str, users: int) -> None:
    """Add that many users; the indexes are dropped and rebuilt, which is faster."""
    with psycopg.connect(database_url) as connection:
        indexes = connection.execute(
            "SELECT indexname, indexdef FROM pg_indexes "
            "WHERE tablename = 'users' AND indexname LIKE 'users_search%'"
        ).fetchall()
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}")
        names = {"syllables": SYLLABLES, "kinds": len(SYLLABLES), "users": users}
        connection.execute(_USERS, names)
        connection.execute(_ADDRESSES)
        for _, definition in indexes:
            connection.execute(definition)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE) users")


def _terms(database_url: str, how_many: int) -> list[str]:
    """Parts of family names: selective, like what users type."""
    with psycopg.connect(database_url) as connection:
        names = connection.execute(
            "SELECT name FROM users WHERE starts_with(email, 'found') "
            "ORDER BY hashtextextended(email, 7) LIMIT %s",
            [how_many],
        ).fetchall()
    return [str(name).split()[1][1:8] for (name,) in names]


async def measure(database_url: str, users: int, rounds: int) -> Found:
    """Search and scan in turn for different parts of names. Raises RuntimeError if no user is found."""
    terms = _terms(database_url, (SEARCHES + SCANS) * rounds)
    database = await Database.open(database_url)
    try:
        measured = [
            await _round(database, database_url, terms[number::rounds]) for number in range(rounds)
        ]
    finally:
        await database.close()
    return Found(users, measured)


async def _round(database: Database, database_url: str, terms: Sequence[str]) -> Round:
    scans = [_scan(database_url, term) for term in terms[:SCANS]]
    times = sorted([await _search(database, term) for term in terms[SCANS:]])
    return Round(statistics.median(times), percentile(times, 0.99), statistics.median(scans))


async def _search(database: Database, term: str) -> float:
    began = time.perf_counter()
    page = await search.search_people(
        database, viewer_id=UUID(int=0), query=term, page=PageRequest(size=PAGE)
    )
    elapsed_ms = (time.perf_counter() - began) * 1000
    if not page.items:
        raise RuntimeError(f"The search for {term!r}, part of a user's name, found no user.")
    return elapsed_ms


def _scan(database_url: str, term: str) -> float:
    with psycopg.connect(database_url) as connection:
        began = time.perf_counter()
        rows = connection.execute(_SCAN, {"pattern": f"%{term}%"}).fetchall()
        elapsed_ms = (time.perf_counter() - began) * 1000
    if not rows:
        raise RuntimeError(f"The scan for {term!r} found no user.")
    return elapsed_ms
