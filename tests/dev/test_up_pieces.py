"""The parts of `./wallet up`: what it finds, keeps, starts and ends."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest

import settings
from dev import processes
from dev.up import folder, services
from tests.waiting import block_until


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("my work")
    with pytest.raises(folder.DataError, match="not a wallet's"), folder.hold(tmp_path):
        pass
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_port_that_only_another_address_listens_on_is_free() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.2", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert processes.port_is_free("127.0.0.1", port)
        assert not processes.port_is_free("127.0.0.2", port)


def test_what_the_environment_names_is_used_instead(service_folder: Path) -> None:
    given = {
        "DATABASE_URL": "postgresql://a:b@db.example.org/c",
        "REDIS_URL": "redis://cache.example.org/0",
        "SMTP_URL": "smtp://mail.example.org",
        "PUSHER_APP_ID": "1",
        "PUSHER_KEY": "key",
        "PUSHER_SECRET": "secret",
        "PUSHER_CLUSTER": "eu",
    }
    chosen = choose(service_folder, given)
    assert chosen.services == []
    assert given.items() <= chosen.environment.items()
    assert chosen.mails is None


def test_what_the_environment_does_not_name_is_embedded(service_folder: Path) -> None:
    chosen = choose(service_folder, {"REDIS_URL": "redis://cache.example.org/0"})
    names = [type(service).__name__ for service in chosen.services]
    assert names == ["MailCatcher", "Channels", "Postgres"]
    assert chosen.mails == service_folder / "mail"
    known = {name.upper() for name in settings.Settings.model_fields}
    needed = {
        name.upper()
        for name, field in settings.Settings.model_fields.items()
        if field.is_required()
    }
    assert needed <= chosen.environment.keys() <= known


def test_the_ledgers_keep_the_key_that_they_are_sealed_with(service_folder: Path) -> None:
    key = choose(service_folder, {}).environment["AUDIT_KEY"]
    assert len(key) >= settings.MINIMUM_SECRET_BYTES
    assert choose(service_folder, {}).environment["AUDIT_KEY"] == key
    # A folder of before there were seals gets one, and keeps the rest.
    file = service_folder / folder.SECRETS
    kept = json.loads(file.read_text())
    file.write_text(json.dumps({name: kept[name] for name in kept if name != "audit_key"}))
    assert choose(service_folder, {}).environment["AUDIT_KEY"] != key
    assert json.loads(file.read_text()) == {**kept, "audit_key": ANY}
    # A database elsewhere has other processes at it, which do not know of this one.
    elsewhere = {"DATABASE_URL": "postgresql://wallet@db.example.org/wallet"}
    assert "AUDIT_KEY" not in choose(service_folder, elsewhere).environment


def test_a_payment_provider_is_embedded_only_where_one_is_wanted_and_has_no_key(
    service_folder: Path,
) -> None:
    wanted = {"TOP_UP_PROVIDER": "stripe", "STRIPE_API_BASE": "https://api.example.org"}
    first = choose(service_folder, wanted)
    names = [type(service).__name__ for service in first.services]
    assert names == ["Valkey", "MailCatcher", "Channels", "StripeEmulator", "Postgres"]
    assert first.payments == f"{first.environment['STRIPE_API_BASE']}/test"
    assert "INSTANT_TOP_UPS" not in first.environment
    assert settings.Settings(_env_file=None, **lowered(first.environment)).top_up_provider
    # Its address and its keys stay: payment pages that are open are still found.
    assert stripe_variables(choose(service_folder, wanted)) == stripe_variables(first)

    real = {**wanted, "STRIPE_API_KEY": "sk_live_1", "STRIPE_WEBHOOK_SECRET": "whsec_1"}
    assert stripe_variables(choose(service_folder, real)) == {
        name: value for name, value in real.items() if name.startswith("STRIPE_")
    }
    plain = choose(service_folder, {})
    assert (plain.payments, stripe_variables(plain)) == ("", {})
    assert plain.environment["INSTANT_TOP_UPS"] == "true"


def stripe_variables(chosen: services.Chosen) -> dict[str, str]:
    return {name: value for name, value in chosen.environment.items() if name.startswith("STRIPE_")}


def lowered(environment: dict[str, str]) -> dict[str, Any]:
    return {name.lower(): value for name, value in environment.items() if value}


def choose(data: Path, given: dict[str, str]) -> services.Chosen:
    secrets = folder.keep_secrets(data)
    return services.choose(
        data, secrets, app_url="http://127.0.0.1:8000", given=given, note=lambda _: None
    )


def test_what_a_killed_up_has_left_is_ended_unless_its_number_is_anothers() -> None:
    ours, another = (subprocess.Popen(["sleep", "1000"]) for _ in range(2))
    block_until(lambda: "sleep 1000" in processes.command_line(ours.pid))
    told = [(ours.pid, processes.command_line(ours.pid)), (another.pid, "sleep 999")]
    services.end_leftovers(told)
    assert ours.wait(10) == -signal.SIGTERM
    assert another.poll() is None
    another.kill()
    another.wait()
