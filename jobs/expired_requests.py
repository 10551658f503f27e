"""The job that records that a payment request has expired, and tells its users."""

from __future__ import annotations

from uuid import UUID

from jobs.services import JobServices, current_bench
from persistence.requests import closing


def expire_request(user_id: str, request_id: str) -> None:
    """What RQ calls."""
    bench = current_bench.get()
    bench.run(expire(bench.services, UUID(user_id), UUID(request_id)))


async def expire(services: JobServices, requester_id: UUID, request_id: UUID) -> None:
    """Record it once, however often the job runs."""
    await closing.expire(services.database, requester_id, request_id)
