"""Promises 5 and 6: mails are delivered, and the service answers, or reports that it cannot, and recovers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from uuid import UUID

from torture.ledgers import Ledgers, MailRow
from torture.record import InjectedFault, Mail, Record
from torture.violations import Violation, most

UNAVAILABLE = "UNAVAILABLE"
#: How soon service has to resume after a fault has ended.
TIMEOUT_SECONDS = 10.0

_DEADLOCK = "deadlock detected"


# ================================================================ promise 5


def check_mails(record: Record, ledgers: Ledgers) -> Iterator[Violation]:
    """Every mail that was requested, once the queues are empty."""
    rows: Counter[tuple[str, str]] = Counter()
    for row in ledgers.mails:
        rows[row.address, row.purpose] += 1
        if row.state in ("pending", "failed"):
            yield _mail(row.mail_id, f"The {row.purpose} mail to {row.address} is {row.state}.")
    for (address, purpose), mail in _asked_for(record).items():
        kept = rows[address, purpose]
        if not mail.asked <= kept <= mail.asked + mail.lost:
            lost = f" and {mail.lost} without an answer" if mail.lost else ""
            sentence = f"{address} requested {purpose} {mail.asked} times{lost}, and the database has {kept}."
            yield Violation(5, None, f"mail to {address}", sentence)
    if record.caught is not None:
        yield from most(_each_mail(record, record.caught, ledgers))
    else:
        was_killed = any(fault.kills for fault in record.faults)
        yield from most(_counted(record, ledgers, was_killed))


def _asked_for(record: Record) -> dict[tuple[str, str], Mail]:
    """Requested mails by address and purpose; each record of them has the total caught."""
    all_of: dict[tuple[str, str], Mail] = {}
    for mail in record.mails:
        sum_of = all_of.setdefault(
            (mail.address, mail.purpose),
            Mail(mail.address, mail.purpose, asked=0, began=mail.began),
        )
        sum_of.asked += mail.asked
        sum_of.lost += mail.lost
        sum_of.caught = max(sum_of.caught, mail.caught)
        sum_of.began = min(sum_of.began, mail.began)
    return all_of


def count_due_once(record: Record, ledgers: Ledgers) -> int:
    """The number of mails for which no fault allowed a duplicate."""
    asked = _asked_for(record)
    return sum(
        _due_once(record, asked.get((row.address, row.purpose)), row) for row in ledgers.mails
    )


def _due_once(record: Record, asked: Mail | None, row: MailRow) -> bool:
    """Whether nothing was killed between the request for this mail and its last delivery.

    If the times are unknown: whether nothing was killed at all.
    """
    began = asked.began if asked is not None else 0.0
    came = [moment for _, moment in record.delivered.get(row.mail_id, ())]
    last = max(came, default=float("inf"))
    return not any(
        fault.kills and fault.began <= last and (fault.recovered_at or last) >= began
        for fault in record.faults
    )


def _each_mail(record: Record, caught: dict[UUID, int], ledgers: Ledgers) -> Iterator[Violation]:
    asked = _asked_for(record)
    for row in ledgers.mails:
        times = caught.get(row.mail_id, 0)
        for address, _ in record.delivered.get(row.mail_id, ()):
            if address != row.address.lower():
                yield _mail(row.mail_id, f"the mail to {row.address} was delivered to {address}.")
        what = f"the {row.purpose} mail to {row.address}"
        if row.state == "sent" and not times:
            yield _mail(row.mail_id, f"{what} is marked as sent and was never received.")
        if times > 1 and _due_once(record, asked.get((row.address, row.purpose)), row):
            yield _mail(row.mail_id, f"{what} was received {times} times, and nothing was killed.")
    for mail_id in caught.keys() - {row.mail_id for row in ledgers.mails}:
        yield _mail(mail_id, "A mail was received that is not in the database.")


def _counted(record: Record, ledgers: Ledgers, was_killed: bool) -> Iterator[Violation]:
    """The same, if mails were not identified."""
    sent = Counter((row.address, row.purpose) for row in ledgers.mails if row.state == "sent")
    for (address, purpose), mail in _asked_for(record).items():
        due = sent[address, purpose]
        if mail.caught < due or (mail.caught > due and not was_killed):
            sentence = f"{mail.caught} mails for {purpose} were received by {address}, and {due} were sent."
            yield Violation(5, None, f"mail to {address}", sentence)


def _mail(mail_id: UUID, sentence: str) -> Violation:
    return Violation(5, None, f"mail {mail_id}", sentence)


# ================================================================ promise 6


def check_service(record: Record, now: float | None = None) -> Iterator[Violation]:
    """Answers, deadlocks and recoveries; `now` during the run, None at its end."""
    for deadlock in record.deadlocks:
        yield Violation(6, None, "deadlock", f"PostgreSQL reported: {deadlock}")
    for ended in record.ended:
        yield Violation(6, None, f"process {ended.partition(' ')[0]}", f"By itself, {ended}.")
    yield from most(check_failures(record))
    yield from check_recoveries(record, now)


def check_recoveries(record: Record, now: float | None = None) -> Iterator[Violation]:
    """Every fault was ended, and service resumed soon."""
    for fault in record.faults:
        yield from _recovery(fault, record.faults, now)


def check_failures(record: Record, begin: int = 0) -> Iterator[Violation]:
    """No error but UNAVAILABLE, from that position of the list on."""
    for failure in record.failures[begin:]:
        if failure.code != UNAVAILABLE:
            sentence = (
                f"At {failure.at:.3f} an answer had the status {failure.status} and the code "
                f"{failure.code}: {failure.message}"
            )
            yield Violation(6, None, f"answer {failure.status}", sentence)


def _recovery(
    fault: InjectedFault, faults: Iterable[InjectedFault], now: float | None
) -> Iterator[Violation]:
    where = f"fault {fault.name}"
    if fault.ended is None:
        if now is None:
            yield Violation(6, None, where, "It was never ended.")
        return
    back = fault.recovered_at if fault.recovered_at is not None else now
    if back is None:
        yield Violation(
            6, None, where, f"Service had not resumed after the fault ended at {fault.ended:.3f}."
        )
        return
    since = _last_end(fault.ended, back, faults)
    if since is not None and back - since > TIMEOUT_SECONDS:
        sentence = (
            f"There was no service for {back - since:.1f} s after the fault ended at {since:.3f}."
        )
        yield Violation(6, None, where, sentence)


def _last_end(ended: float, back: float, faults: Iterable[InjectedFault]) -> float | None:
    """When the last fault before the recovery ended; None while one is active."""
    for other in faults:
        if other.began < back:
            if other.ended is None:
                return None
            ended = max(ended, other.ended)
    return ended


def read_deadlocks(log: Iterable[str]) -> list[str]:
    """The deadlocks in PostgreSQL's log, each with the detail that follows it."""
    found: list[str] = []
    follows = False
    for entry in log:
        if "ERROR:" in entry and _DEADLOCK in entry:
            found.append(entry.strip())
            follows = True
        elif follows and ("DETAIL:" in entry or entry.startswith("\t")):
            found[-1] += " " + entry.strip()
        else:
            follows = False
    return found
