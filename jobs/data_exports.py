"""The job that makes an export of a user's data."""

from __future__ import annotations

from uuid import UUID

from application import export_data
from jobs.services import current_bench


def run(user_id: str, export_id: str) -> None:
    """What RQ calls."""
    bench = current_bench.get()
    bench.run(export_data.execute(bench.services, UUID(user_id), UUID(export_id)))
