"""What is in deploy/ is valid, and names commands, variables and metrics that exist."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from app import cli
from app.telemetry.metrics import Metrics
from settings import ROOT, Settings
from tests.app.conftest import Api

DEPLOY = ROOT / "deploy"
BIN = Path(sys.executable).parent
UNITS = sorted((DEPLOY / "systemd").iterdir())


def run(*command: object) -> None:
    finished = subprocess.run(
        [str(part) for part in command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, f"{finished.stdout}\n{finished.stderr}"


def compose() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return parsed


def commands() -> set[str]:
    return set(typer.main.get_command(cli.app).commands)  # type: ignore[attr-defined]


def test_the_dockerfile_has_nothing_that_hadolint_finds() -> None:
    run(BIN / "hadolint", "--failure-threshold", "info", DEPLOY / "Dockerfile")


def test_the_compose_file_is_valid() -> None:
    schema = ["--builtin-schema", "vendor.compose-spec"]
    run(BIN / "check-jsonschema", *schema, DEPLOY / "compose.yaml")


def test_the_compose_file_runs_every_process_once_migrated() -> None:
    services = compose()["services"]
    ours = {name: each for name, each in services.items() if each.get("image") == "mini-wallet"}
    assert {each["command"][0] for each in ours.values()} == {"migrate", "serve", "relay", "worker"}
    for name, service in ours.items():
        assert set(service["environment"]) <= {field.upper() for field in Settings.model_fields}
        if name != "migrate":
            waits = service["depends_on"]["migrate"]["condition"]
            assert waits == "service_completed_successfully"


def test_the_image_has_what_the_pages_are_built_from() -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    for source in re.findall(r"(?m)^COPY ([^-\n]+) \S+$", dockerfile):
        for path in source.split():
            assert (ROOT / path).exists(), path


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_units_start_commands_that_exist(unit: Path) -> None:
    for started in re.findall(r"(?m)^ExecStart=/opt/mini-wallet/wallet (\w+)", unit.read_text()):
        assert started in commands()


def test_units_are_valid(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd is not installed here")
    program = tmp_path / "wallet"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for unit in UNITS:
        text = unit.read_text().replace("/opt/mini-wallet/wallet", str(program))
        (tmp_path / unit.name).write_text(text.replace("User=wallet", "User=root"))
    run(analyze, "verify", *(tmp_path / unit.name for unit in UNITS))


def expressions() -> Iterator[str]:
    """The PromQL of alerts and dashboard."""
    rules = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            yield rule["expr"]
    dashboard = json.loads((DEPLOY / "grafana" / "mini-wallet.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            yield target["expr"]


def labels() -> dict[str, set[str]]:
    """The labels of each metric that has some."""
    collectors = set(Metrics().registry._collector_to_names)
    named = [each for each in collectors if getattr(each, "_labelnames", ())]
    return {each._name: set(each._labelnames) for each in named}


def test_alerts_and_dashboard_ask_for_metrics_and_labels_that_exist(api: Api) -> None:
    served = api.client.get("/metrics").text
    kinds = dict(re.findall(r"(?m)^# TYPE (\w+) (\w+)$", served))
    known = set(kinds)
    for name, kind in kinds.items():
        if kind == "histogram":
            known |= {f"{name}_bucket", f"{name}_count", f"{name}_sum"}
    by_name = labels()
    named = 0
    for expression in expressions():
        for name, selector in re.findall(r"\b(wallet_\w+|process_\w+)(?:\{([^}]*)\})?", expression):
            named += 1
            assert name in known, f"{name} in {expression}"
            base = re.sub(r"_(total|bucket|count|sum)$", "", name)
            asked = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector)) - {"instance"}
            assert asked <= by_name.get(base, set()), f"{asked} of {name}"
    assert named > 20
