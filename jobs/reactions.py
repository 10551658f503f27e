"""What follows from what: which jobs each kind of event asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from domain import events
from persistence.delivery.outbox import OutboxRow

PUSH_QUEUE = "push"
MAIL_QUEUE = "mail"
#: In the order in which a worker looks at them.
QUEUES = (PUSH_QUEUE, MAIL_QUEUE)


@dataclass(frozen=True, slots=True)
class Kind:
    """A function that workers run. They run no others, whatever a queue asks for."""

    #: Its dotted path: the name by which a queued job asks for it.
    function: str
    queue: str
    #: How long it may take before it is ended.
    timeout_seconds: int
    #: For how long after its start it is not queued again: afterwards its worker may have been killed.
    under_way_seconds: int
    #: Whether one that is queued while another one runs must run after it: it may find more to do.
    follows_itself: bool = False


_PUSH = Kind(
    "jobs.sinks.pusher.push_entries",
    PUSH_QUEUE,
    timeout_seconds=60,
    under_way_seconds=70,
    follows_itself=True,
)
# Whoever asks for a mail again has seen in the database that no worker has it in hand.
_MAIL = Kind("jobs.mail.send_mail", MAIL_QUEUE, timeout_seconds=170, under_way_seconds=5)
#: The allow-list, by name.
KINDS: Mapping[str, Kind] = {kind.function: kind for kind in (_PUSH, _MAIL)}


@dataclass(frozen=True, slots=True)
class Job:
    """A call of a kind's function with plain arguments; one of the same `id` is queued once."""

    id: str
    kind: Kind
    arguments: tuple[str, ...]


def push(user_id: UUID) -> Job:
    """Give the Channels server what it does not have yet of a person's book."""
    return Job(f"push-{user_id}", _PUSH, (str(user_id),))


def mail(user_id: UUID, mail_id: UUID) -> Job:
    """Send a mail."""
    return Job(f"mail-{mail_id}", _MAIL, (str(user_id), str(mail_id)))


def job_for(row: OutboxRow) -> Job | None:
    """The job that an event asks for; None where it is only told to those who listen."""
    match row.event:
        case events.TransactionPosted():
            return push(row.user_id)
        case events.MailRequested(mail_id):
            return mail(row.user_id, mail_id)
        case events.CredentialsEnded() | events.NothingHappened():
            return None
