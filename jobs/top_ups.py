"""The jobs of top-ups: looking after one, taking back what the provider did, and reconciling."""

from __future__ import annotations

from uuid import UUID

from application import attend_top_up, reconcile_top_ups, reverse_top_up
from jobs.services import current_bench


def attend(user_id: str, top_up_id: str) -> None:
    """What RQ calls for a top-up that is due."""
    bench = current_bench.get()
    services = bench.services
    bench.run(
        attend_top_up.execute(
            services, services.currency, services.app_url, UUID(user_id), UUID(top_up_id)
        )
    )


def reverse(user_id: str, top_up_id: str) -> None:
    """What RQ calls for a top-up of which something waits to be taken back."""
    bench = current_bench.get()
    bench.run(reverse_top_up.execute(bench.services, UUID(user_id), UUID(top_up_id)))


def reconcile(_user_id: str, _due_id: str) -> None:
    """What RQ calls when the events of the provider are to be read."""
    bench = current_bench.get()
    bench.run(reconcile_top_ups.execute(bench.services, bench.services.currency))
