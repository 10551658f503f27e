"""Runs the migrations on the connection that it is given, otherwise on `DATABASE_URL`.

With the connection comes the key that seals the ledgers, otherwise that is `AUDIT_KEY`.
"""

from __future__ import annotations

import sqlalchemy
from alembic import context

import settings
from persistence import tables
from persistence.engine import database


def _run(connection: sqlalchemy.Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=tables.metadata,
        compare_type=True,
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def _connect_and_run() -> None:
    loaded = settings.load()
    context.config.attributes["audit_key"] = loaded.sealing_key
    engine = database.blocking_engine(loaded.database_url.get_secret_value())
    with engine.connect() as connection:
        _run(connection)


given = context.config.attributes.get("connection")
if given is None:
    _connect_and_run()
else:
    _run(given)
