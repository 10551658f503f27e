"""The prerequisites of `migrate`; for a missing one, a sentence says what to do."""

from __future__ import annotations

import sqlalchemy
from psycopg import sql
from sqlalchemy import exc

from app.commands import terminal
from persistence.engine import database, pinned

MINIMUM_SERVER_VERSION = 160_000

# Earlier releases created the tables in the first schema of the role's search path.
_ELSEWHERE = """
SELECT n.nspname FROM pg_class AS t JOIN pg_namespace AS n ON n.oid = t.relnamespace
WHERE t.relname = 'email_addresses' AND n.nspname <> %s AND to_regclass(%s) IS NULL
    AND EXISTS (
        SELECT FROM pg_class AS v WHERE v.relname = 'alembic_version' AND v.relnamespace = n.oid
    )
ORDER BY n.nspname LIMIT 1
"""
_SCHEMA = """
SELECT current_user, current_database(), n.oid IS NOT NULL,
    coalesce(has_schema_privilege(n.oid, 'USAGE') AND has_schema_privilege(n.oid, 'CREATE'), false)
FROM (SELECT to_regnamespace(%s) AS oid) AS n
"""
_EXTENSION = """
SELECT n.nspname, has_schema_privilege(n.oid, 'USAGE')
FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = 'pg_trgm'
"""


def check(connection: sqlalchemy.Connection) -> None:
    """Raises Refused if an operator has to change something first. Creates the extension `pg_trgm`."""
    _check_server(connection)
    _check_schema(connection)
    _check_trigrams(connection)
    connection.commit()


def _check_server(connection: sqlalchemy.Connection) -> None:
    version = int(str(_value(connection, "SHOW server_version_num")))
    if version < MINIMUM_SERVER_VERSION:
        raise terminal.Refused(
            f"This PostgreSQL is version {version // 10_000}, and Mini Wallet needs 16 or newer: "
            "set DATABASE_URL to a newer server."
        )
    encoding = _value(connection, "SHOW server_encoding")
    if encoding != "UTF8":
        raise terminal.Refused(
            f"This database is encoded in {encoding}, and names and notes need UTF8: "
            "create it with ENCODING 'UTF8' TEMPLATE template0."
        )
    if _value(connection, "SELECT pg_is_in_recovery()"):
        raise terminal.Refused(
            "This database is a standby, which takes no writes: set DATABASE_URL to the primary."
        )
    if _value(connection, "SHOW transaction_read_only") == "on":
        raise terminal.Refused(
            "This database is read-only: its transactions begin with default_transaction_read_only, set on "
            "the server, the database or the role. Reset it to allow writes."
        )


def _check_schema(connection: sqlalchemy.Connection) -> None:
    name = pinned.SCHEMA
    role, database, exists, is_usable = connection.exec_driver_sql(_SCHEMA, (name,)).one()
    if not exists:
        raise terminal.Refused(
            f'This database has no schema "{name}": let its owner run CREATE SCHEMA {name}.'
        )
    if not is_usable:
        raise terminal.Refused(
            f'The role "{role}" may not create tables in the schema "{name}": migrate as the owner of the '
            f'database "{database}", or let that one run GRANT USAGE, CREATE ON SCHEMA {name} TO "{role}".'
        )
    elsewhere = connection.exec_driver_sql(_ELSEWHERE, (name, f"{name}.email_addresses")).scalar()
    if elsewhere is not None:
        raise terminal.Refused(
            f'The tables of a wallet are in the schema "{elsewhere}", and this version keeps them in '
            f'"{name}": move them there by ALTER TABLE … SET SCHEMA {name} and ALTER FUNCTION … SET SCHEMA '
            f"{name}, all of them, then try again."
        )


def _check_trigrams(connection: sqlalchemy.Connection) -> None:
    """Also refuses a database in which names with non-ASCII letters could not be found."""
    found = connection.exec_driver_sql(_EXTENSION).one_or_none()
    if found is None:
        _create_extension(connection)
        found = connection.exec_driver_sql(_EXTENSION).one()
    schema, is_usable = found
    if not is_usable:
        raise terminal.Refused(
            f'The extension pg_trgm is in the schema "{schema}", which this role may not use: let its owner '
            f'run GRANT USAGE ON SCHEMA "{schema}" TO the role that migrates.'
        )
    # For the migrations, which name the operator class; the created indexes refer to it by its OID.
    path = sql.SQL("SET search_path = {}, {}, pg_temp").format(
        sql.Identifier(pinned.SCHEMA), sql.Identifier(schema)
    )
    connection.exec_driver_sql(path.as_string())
    if not _value(connection, "SELECT show_trgm('é')"):
        ctype = _value(
            connection, "SELECT datctype FROM pg_database WHERE datname = current_database()"
        )
        raise terminal.Refused(
            f"This database recognizes only ASCII letters (its LC_CTYPE is {ctype}), so a "
            "search would miss names such as Zoë or Владимир. Create the database again with "
            "LC_CTYPE 'C.UTF-8' (or any UTF-8 locale) TEMPLATE template0, and migrate that."
        )


def _create_extension(connection: sqlalchemy.Connection) -> None:
    try:
        connection.exec_driver_sql(f"CREATE EXTENSION pg_trgm SCHEMA {pinned.SCHEMA}")
    except exc.DBAPIError as error:
        raise terminal.Refused(
            f"The extension pg_trgm cannot be created ({database.plain(error)}): install "
            "PostgreSQL's contrib package, or let a superuser run CREATE EXTENSION pg_trgm once."
        ) from None


def _value(connection: sqlalchemy.Connection, query: str) -> object:
    return connection.exec_driver_sql(query).scalar_one()
