"""GraphQL over HTTP, by the public audits and by hand."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from app.dev_services import node
from tests.app.conftest import Api

JUDGES = Path(__file__).resolve().parent.parent / "judges"


def test_every_audit_of_graphql_http_passes(api: Api) -> None:
    found = subprocess.run(
        [node.node_path(), "audit.mjs", f"{api.url}/graphql"],
        cwd=JUDGES,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    judged = json.loads(found.stdout)
    assert judged["failures"] == []
    assert judged["total"] == judged["ok"] == 61
