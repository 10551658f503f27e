"""The job that attempts the runs of a scheduled transfer that are due."""

from __future__ import annotations

from uuid import UUID

from application import run_scheduled_transfer
from jobs.services import current_bench


def run(user_id: str, schedule_id: str) -> None:
    """What RQ calls."""
    bench = current_bench.get()
    services = bench.services
    bench.run(
        run_scheduled_transfer.execute(
            services, services.currency, UUID(user_id), UUID(schedule_id)
        )
    )
