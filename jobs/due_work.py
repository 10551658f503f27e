"""The table of due work: jobs that the relay queues because the database says that they are due."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from jobs.kinds import Job, Kind
from persistence.delivery import mails
from persistence.engine.database import Database
from persistence.leaving import exports
from persistence.requests import closing
from persistence.schedules import runs
from persistence.top_ups import attending, reconciling, reversals


@dataclass(frozen=True, slots=True)
class DueWork:
    """A row of the table. Its jobs are given the user's id and the id of what is due."""

    #: In the ids of its jobs, and in logs.
    name: str
    kind: Kind
    #: How often the relay looks.
    every_seconds: float
    #: What is due, as pairs of user id and id, and at most that many. Each stays due until a worker has
    #: begun with it.
    due: Callable[[Database, int], Awaitable[Sequence[tuple[UUID, UUID]]]]

    def job(self, user_id: UUID, due_id: UUID) -> Job:
        """The job for that id; it is queued once at a time."""
        return Job(f"{self.name}-{due_id}", self.kind, (str(user_id), str(due_id)))


# A mail is queued again only after the database has shown that no worker has leased it.
MAILS = DueWork(
    name="mail",
    kind=Kind(
        "jobs.mail.send_mail",
        "jobs.mail.send_mail",
        "mail",
        timeout_seconds=170,
        under_way_seconds=5,
    ),
    every_seconds=1.0,
    due=mails.due,
)

# An expired request cannot be paid in the meantime: this only tells its users.
EXPIRED_REQUESTS = DueWork(
    name="expired-request",
    kind=Kind(
        "jobs.expired_requests.expire_request",
        "jobs.expired_requests.expire_request",
        "schedules",
        timeout_seconds=60,
        under_way_seconds=5,
    ),
    every_seconds=1.0,
    due=closing.due,
)

# A schedule is due until a worker has begun with its run, which the database then says for some time.
SCHEDULED_TRANSFERS = DueWork(
    name="scheduled-transfer",
    kind=Kind(
        "jobs.scheduled_transfers.run",
        "jobs.scheduled_transfers.run",
        "schedules",
        timeout_seconds=170,
        under_way_seconds=5,
    ),
    every_seconds=1.0,
    due=runs.due,
)

# Each may wait for the provider, which must delay neither mails nor scheduled transfers.
TOP_UPS = DueWork(
    name="top-up",
    kind=Kind(
        "jobs.top_ups.attend",
        "jobs.top_ups.attend",
        "top_ups",
        timeout_seconds=60,
        under_way_seconds=5,
    ),
    every_seconds=1.0,
    due=attending.due,
)

TOP_UP_REVERSALS = DueWork(
    name="top-up-reversal",
    kind=Kind(
        "jobs.top_ups.reverse",
        "jobs.top_ups.reverse",
        "top_ups",
        timeout_seconds=60,
        under_way_seconds=5,
    ),
    every_seconds=2.0,
    due=reversals.due,
)

RECONCILIATIONS = DueWork(
    name="top-up-reconciliation",
    kind=Kind(
        "jobs.top_ups.reconcile",
        "jobs.top_ups.reconcile",
        "top_ups",
        timeout_seconds=int(reconciling.LEASE.total_seconds()),
        under_way_seconds=5,
    ),
    every_seconds=2.0,
    due=reconciling.due,
)

# In a queue of its own: one may take minutes. It renews its lease in the database as it goes.
DATA_EXPORTS = DueWork(
    name="data-export",
    kind=Kind(
        "jobs.data_exports.run",
        "jobs.data_exports.run",
        "exports",
        timeout_seconds=3600,
        under_way_seconds=5,
    ),
    every_seconds=2.0,
    due=exports.due,
)

TABLE = (
    MAILS,
    EXPIRED_REQUESTS,
    SCHEDULED_TRANSFERS,
    TOP_UPS,
    TOP_UP_REVERSALS,
    RECONCILIATIONS,
    DATA_EXPORTS,
)
