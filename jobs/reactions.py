"""What follows from what: which jobs each kind of event asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from domain.events import Topic
from persistence.outbox import OutboxRow

PUSH_QUEUE = "push"
MAIL_QUEUE = "mail"
#: In the order in which a worker looks at them.
QUEUES = (PUSH_QUEUE, MAIL_QUEUE)


@dataclass(frozen=True, slots=True)
class Job:
    """A call of `function` with plain arguments; one of the same `id` is queued once."""

    id: str
    queue: str
    function: str
    arguments: tuple[str, ...]
    #: How long it may take before it counts as lost.
    timeout_seconds: int
    #: Whether one that is queued while another one runs must run after it: it may find more to do.
    follows_itself: bool = False


def push(user_id: UUID) -> Job:
    """Give the Channels server what it does not have yet of a person's book."""
    return Job(
        id=f"push-{user_id}",
        queue=PUSH_QUEUE,
        function="jobs.push.push_lines",
        arguments=(str(user_id),),
        timeout_seconds=60,
        follows_itself=True,
    )


def mail(user_id: UUID, mail_id: UUID) -> Job:
    """Send a mail."""
    return Job(
        id=f"mail-{mail_id}",
        queue=MAIL_QUEUE,
        function="jobs.mail.send_mail",
        arguments=(str(user_id), str(mail_id)),
        timeout_seconds=170,
    )


_REACTIONS: Mapping[Topic, Callable[[OutboxRow], Job] | None] = {
    Topic.TRANSACTION_POSTED: lambda row: push(row.user_id),
    Topic.MAIL_REQUESTED: lambda row: mail(row.user_id, UUID(row.payload["mail_id"])),
    Topic.CREDENTIALS_ENDED: None,
    Topic.NOTHING_HAPPENED: None,
}


def job_for(row: OutboxRow) -> Job | None:
    """The job that an event asks for; None where it is only told to those who listen."""
    reaction = _REACTIONS[row.topic]
    return reaction(row) if reaction is not None else None
