"""Deliberately broken wallets on real services: the checker reports the promise that each violates."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

import torture.ledgers
from adapters.realtime import Hints
from app.commands import migrate
from dev import channels, postgres
from dev.mail_catcher import MailCatcher
from jobs import mail
from jobs import services as job_services
from jobs.services import JobServices
from jobs.sinks import delivery
from persistence.audit import audit
from persistence.delivery import mails
from persistence.delivery.cursors import Receiver
from persistence.people import registrations
from realtime.live import Live
from tests import books as making
from tests.books import Books
from tests.conftest import make_settings
from tests.jobs.channel import listening, take
from tests.jobs.running import relaying
from tests.waiting import until
from torture import checker
from torture.broken import crowd, wallets
from torture.broken.crowd import Crowd
from torture.mails import Mailbox
from torture.record import InjectedFault, Mail, Operation, Record

pytestmark = pytest.mark.anyio

#: Short enough for a test; production polls every two seconds.
POLL_SECONDS = 0.1


@pytest.fixture
async def books(database_url: str) -> AsyncIterator[Books]:
    async with making.opened(database_url) as opened:
        yield opened


@pytest.fixture
async def elsewhere(books: Books) -> AsyncIterator[Books]:
    """The same wallet, as in another process."""
    async with making.opened(books.url) as opened:
        yield opened


@contextlib.asynccontextmanager
async def living(books: Books, hints: Hints) -> AsyncIterator[Live]:
    live = Live(books.database, hints, poll_seconds=POLL_SECONDS)
    await live.start()
    try:
        yield live
    finally:
        await live.stop()


@pytest.fixture
async def hints(redis_url: str) -> AsyncIterator[Hints]:
    opened = await Hints.open(redis_url)
    yield opened
    await opened.close()


async def gather(books: Books, *others: Books, users: int = 4, seed: int = 1) -> Crowd:
    """Users with 10.00 each, and no Channels server."""
    ledgers = [each.ledger for each in (books, *others)]
    everybody = [books.join(f"User {number}") for number in range(users)]
    record = Record(seed, has_channels=False, epoch_offset=time.time() - time.monotonic())
    gathered = Crowd(record, everybody, ledgers, books.database)
    for user in everybody:
        await gathered.add(user, 1000)
    return gathered


def check(crowd: Crowd, url: str) -> list[checker.Violation]:
    """The violations found; most of these tests run no relay, so the outbox may be full."""
    read = torture.ledgers.read(url)
    if not crowd.record.has_channels:
        read.waiting = 0
    return checker.check(crowd.record, read)


def promises(found: list[checker.Violation]) -> set[int]:
    return {violation.promise for violation in found}


async def test_an_intact_wallet_breaks_no_promise(
    books: Books, elsewhere: Books, hints: Hints
) -> None:
    gathered = await gather(books, elsewhere)
    async with living(books, hints) as live, crowd.listening(gathered, live):
        await gathered.run(callers=6, commands=8, seed=1)
    assert check(gathered, books.url) == []
    assert len(gathered.record.commands) > 50
    assert all(listener.sequences for listener in gathered.record.subscribers)


async def test_without_a_lock_money_is_made_from_nothing(books: Books, elsewhere: Books) -> None:
    wallets.remove_locks(books.connection)
    gathered = await gather(books, elsewhere)
    await gathered.run(callers=6, commands=8, seed=2)
    found = check(gathered, books.url)
    assert 1 in promises(found), found


async def test_without_keys_a_repeat_moves_money_again(books: Books, elsewhere: Books) -> None:
    wallets.forget_keys(books.connection)
    gathered = await gather(books, elsewhere, users=2)
    alpha, beta = gathered.users
    asked, again = await gathered.send_twice(alpha, beta, 100)
    found = check(gathered, books.url)
    assert promises(found) == {2}, found
    assert asked.reference != again.reference
    assert any("several transactions" in each.sentence for each in found)


async def test_a_wallet_that_pays_again_for_a_repeat_is_found_by_the_entry_that_no_user_requested(
    books: Books,
) -> None:
    gathered = await gather(books, users=2)
    alpha, beta = gathered.users
    gathered.movers = [wallets.Generous(books.ledger)]
    await gathered.send_twice(alpha, beta, 100)
    found = check(gathered, books.url)
    assert promises(found) == {2}, found
    assert all("No user requested" in each.sentence for each in found)


async def test_an_intact_wallet_moves_nothing_with_a_closed_key(
    books: Books, elsewhere: Books
) -> None:
    gathered = await gather(books, elsewhere, users=2)
    alpha, beta = gathered.users
    refused = await gathered.close_and_send(alpha, beta, 100)
    assert refused.refusal == "IdempotencyKeyClosed"
    sent = await gathered.send(alpha, beta, 100)
    closing = await gathered.close(alpha, sent)
    assert closing.reference == sent.reference
    assert check(gathered, books.url) == []


async def test_a_wallet_that_forgets_closed_keys_moves_money_with_a_request_that_comes_later(
    books: Books, elsewhere: Books
) -> None:
    wallets.forget_closed_keys(books.connection)
    gathered = await gather(books, elsewhere, users=2)
    alpha, beta = gathered.users
    await gathered.close_and_send(alpha, beta, 100)
    found = check(gathered, books.url)
    assert promises(found) == {7}, found
    assert any("closed" in each.sentence and "the ledger has" in each.sentence for each in found)


async def test_a_wallet_that_ignores_not_after_moves_money_too_late(books: Books) -> None:
    gathered = await gather(books, users=2)
    alpha, beta = gathered.users
    asked = gathered.command(alpha, Operation.SEND_MONEY, beta.user_id, 100)
    asked.not_after = gathered.record.microseconds(time.monotonic() - 0.001)
    again = replace(asked)
    refused = await gathered.ask(alpha, asked, books.ledger)
    assert refused.refusal == "TooLate"
    assert check(gathered, books.url) == []
    await gathered.ask(alpha, again, wallets.Late(books.ledger))
    found = check(gathered, books.url)
    assert promises(found) == {2}, found
    assert all("too late" in each.sentence for each in found)


async def test_a_wallet_that_loses_metadata_is_found_by_the_ledger(books: Books) -> None:
    gathered = await gather(books, users=2)
    alpha, beta = gathered.users
    order = (("order", "4711"), ("Straße", ""))
    kept = gathered.command(alpha, Operation.SEND_MONEY, beta.user_id, 100)
    lost = replace(gathered.command(alpha, Operation.SEND_MONEY, beta.user_id, 100))
    kept.metadata = lost.metadata = order
    await gathered.ask(alpha, kept, books.ledger)
    assert check(gathered, books.url) == []
    wallets.lose_metadata(books.connection)
    await gathered.ask(alpha, lost, books.ledger)
    found = check(gathered, books.url)
    assert promises(found) == {2}, found


async def test_a_history_that_was_forged_and_sealed_is_found_by_the_receipts_alone(
    books: Books,
) -> None:
    gathered = await gather(books)
    await gathered.run(callers=2, commands=5, seed=4)
    await hold_receipts(books, gathered.record)
    assert gathered.record.receipts_contained == len(gathered.record.receipts) > 10
    assert check(gathered, books.url) == []
    wallets.forge_history(books.connection, b"")
    assert (await audit.audit(books.database, audit_key=b"")).is_clean
    await hold_receipts(books, gathered.record)
    found = check(gathered, books.url)
    assert [(each.promise, each.where) for each in found] == [(1, "receipts")], found


async def hold_receipts(books: Books, record: Record) -> None:
    answers = await audit.check_receipts(books.database, sorted(record.receipts), [b""])
    record.receipts_contained = sum(answer.is_contained for answer in answers)


async def test_locks_in_any_order_are_found_by_the_deadlocks_in_the_log(
    start_postgres: Callable[..., postgres.Postgres],
) -> None:
    server = start_postgres(options={"deadlock_timeout": "10ms"})
    assert migrate.migrate(make_settings(database_url=server.url)) == 0
    async with making.opened(server.url) as books, making.opened(server.url) as elsewhere:
        gathered = await gather(books, elsewhere, users=3)
        await gathered.run(callers=6, commands=4, seed=5)
        assert checker.read_deadlocks(server.log.read_text().splitlines()) == []
        wallets.lock_in_any_order(books.connection)
        await gathered.run(callers=6, commands=4, seed=5)
    gathered.record.deadlocks = checker.read_deadlocks(server.log.read_text().splitlines())
    found = check(gathered, server.url)
    assert promises(found) == {6}, found
    assert all("waits for" in each.sentence for each in found)


async def test_an_answer_before_the_commit_is_lost_in_a_crash(
    start_postgres: Callable[..., postgres.Postgres],
) -> None:
    # Nothing is written to disk but by a commit that waits for it.
    server = start_postgres(options={"synchronous_commit": "on", "wal_writer_delay": "10s"})
    assert migrate.migrate(make_settings(database_url=server.url)) == 0
    record = await _crash(server)
    assert check(record, server.url) == []
    with server.connect() as connection:
        wallets.acknowledge_early(connection)
    found = check(await _crash(server), server.url)
    assert promises(found) >= {2, 3}, found
    assert any("acknowledged and is not in the ledger" in each.sentence for each in found)


async def _crash(server: postgres.Postgres) -> Crowd:
    """A crowd whose database is killed after the last answer, and recovers."""
    async with making.opened(server.url) as books:
        gathered = await gather(books)
        await gathered.run(callers=2, commands=5, seed=3)
        server.kill()
    server.start()
    gathered.record.faults.append(InjectedFault("postgres", 0.0, 1.0, 1.5))
    return gathered


async def test_an_event_before_the_commit_has_no_entry(books: Books, hints: Hints) -> None:
    gathered = await gather(books, users=2)
    alpha, beta = gathered.users
    async with living(books, hints) as live, crowd.listening(gathered, live):
        gathered.movers = [wallets.Hasty(books.ledger, books.database, live)]
        heard = gathered.record.subscribers[0].sequences
        await until(lambda: heard == [1])
        refused = await gathered.send(alpha, beta, 5000)
        await until(lambda: heard == [1, 2])
        await gathered.look(alpha)
    assert refused.refusal == "InsufficientFunds"
    found = check(gathered, books.url)
    assert promises(found) == {3, 4}, found


async def test_a_skipped_sequence_is_missed_by_subscribers(books: Books, hints: Hints) -> None:
    gathered = await gather(books, users=2)
    alpha, beta = gathered.users
    async with living(books, hints) as live, crowd.listening(gathered, live, timeout_seconds=1):
        await gathered.send(alpha, beta, 10)
        wallets.skip_a_sequence(books.connection)
        await gathered.send(alpha, beta, 10)
    found = check(gathered, books.url)
    assert promises(found) == {1, 4}, found


async def test_a_lost_notification_is_missed_by_the_user_who_received_the_money(
    books: Books,
) -> None:
    wallets.lose_notifications(books.connection)
    gathered = await gather(books, users=2)
    alpha, beta = gathered.users
    for _ in range(3):
        await gathered.send(alpha, beta, 10)
    found = check(gathered, books.url)
    assert promises(found) == {4}, found
    assert {each.where for each in found} == {"sequence 4", "notification 2"}


async def test_a_lost_row_of_the_outbox_is_never_pushed(
    books: Books, redis_url: str, start_channels: Callable[[], channels.Channels]
) -> None:
    wallets.lose_events(books.connection)
    server = start_channels()
    settings = make_settings(
        database_url=books.url,
        redis_url=redis_url,
        **{name.lower(): value for name, value in server.environment.items()},
    )
    gathered = await gather(books, users=2)
    gathered.record.has_channels = True
    alpha, beta = gathered.users
    async with (
        relaying(settings),
        job_services.opened(settings) as services,
        listening(settings, alpha) as at_alpha,
        listening(settings, beta) as at_beta,
    ):
        await gathered.send(alpha, beta, 10)
        await until(lambda: _push(books, services, at_least=2))
        await gathered.send(alpha, beta, 10)
        await until(lambda: _is_told(books))
        await _push(books, services)
        gathered.record.pushed = {
            alpha.user_id: await take(at_alpha, 2),
            beta.user_id: await take(at_beta, 2),
        }
        # This is about entries alone.
        gathered.record.pushed_notifications = {beta.user_id: [1, 2, 3]}
    found = check(gathered, books.url)
    assert promises(found) == {4}, found
    assert {each.where for each in found} == {"sequence 3"}


async def test_an_intact_wallet_sends_each_mail_once(
    books: Books, start_mail_catcher: Callable[[], MailCatcher]
) -> None:
    assert await _mail(books, start_mail_catcher()) == []


async def test_a_mail_that_is_marked_as_sent_and_is_not_is_never_received(
    books: Books, start_mail_catcher: Callable[[], MailCatcher]
) -> None:
    wallets.lose_mails(books.connection)
    found = await _mail(books, start_mail_catcher())
    assert promises(found) == {5}, found
    assert "never received" in found[0].sentence


async def test_a_mail_whose_sending_is_not_recorded_is_received_twice(
    books: Books, start_mail_catcher: Callable[[], MailCatcher]
) -> None:
    wallets.forget_sending(books.connection)
    found = await _mail(books, start_mail_catcher())
    assert promises(found) == {5}, found
    assert "was received 2 times" in found[0].sentence


async def _mail(books: Books, catcher: MailCatcher) -> list[checker.Violation]:
    """A user registers, and workers send all due mails."""
    record = Record(1, has_channels=False)
    record.mails = [Mail("newcomer@example.org", "verify_email", began=time.monotonic())]
    # A kill that ended before does not allow a duplicate.
    record.faults = [InjectedFault("worker", 0.0, 1.0, 1.5)]
    settings = make_settings(database_url=books.url, smtp_url=catcher.url)
    async with job_services.opened(settings) as services:
        address = record.mails[0].address
        await registrations.register(books.database, name="New", email=address, password_hash="-")
        while due := await mails.due(books.database, 10):
            for user_id, mail_id in due:
                await mail.send(services, user_id, mail_id)
    Mailbox(catcher.folder).write_into(record)
    read = torture.ledgers.read(books.url)
    read.waiting = 0
    return checker.check(record, read)


async def _push(books: Books, services: JobServices, at_least: int = 0) -> bool:
    """Push as workers do; whether every cursor has reached that sequence."""
    for (user_id,) in books.connection.execute("SELECT user_id FROM delivery_due").fetchall():
        await delivery.deliver(services, Receiver("pusher", user_id, user_id))
    [(reached,)] = books.connection.execute(
        "SELECT coalesce(min(accepted_number) FILTER (WHERE accepted_number > 0), 0) "
        "FROM delivery_cursors HAVING count(*) = 2"
    ).fetchall() or [(-1,)]
    return int(str(reached)) >= at_least


def _is_told(books: Books) -> bool:
    """Whether the relay has published everything."""
    return torture.ledgers.read(books.url).waiting == 0
