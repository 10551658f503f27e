"""Payment requests on real connections: whatever happens at once, one of it takes effect."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import replace

import psycopg
import pytest

from domain import errors
from domain.authority import Session
from domain.ledger.send_money import SendMoney
from domain.requests.payment_requests import PaymentRequest, RequestClosed, Status
from persistence.cluster import distributing
from persistence.ledger.ledger import Ledger, Movement
from persistence.requests import closing, reading
from tests.books import LIMITS, Books, Someone, paying, requesting_money

pytestmark = pytest.mark.anyio


async def stored(books: Books, user: Someone, request: PaymentRequest) -> PaymentRequest | None:
    """The request as it is stored under that user."""
    found = await reading.by_ids(books.database, user.user_id, [request.request_id])
    return found.get(request.request_id)


def kinds_told(books: Books, user: Someone) -> Counter[object]:
    rows = books.connection.execute(
        "SELECT kind FROM notifications WHERE user_id = %s", [user.user_id]
    ).fetchall()
    return Counter(kind for (kind,) in rows)


def is_closed(outcome: object, status: Status) -> bool:
    return isinstance(outcome, RequestClosed) and outcome.payment_request.status is status


async def test_of_fifty_payers_of_an_open_request_one_pays(books: Books) -> None:
    ann = books.join("Ann")
    payers = [books.join(f"Payer {number}") for number in range(50)]
    for payer in payers:
        await books.add(payer, "6")
    one, shared = [await requesting_money(books, ann, None, "3", note="Tickets") for _ in range(2)]
    ledger = await Ledger.open(books.url, LIMITS, connections=16)
    try:
        outcomes = await asyncio.gather(
            *(ledger.move(paying(payer, one)) for payer in payers), return_exceptions=True
        )
    finally:
        await ledger.close()
    in_one_commit = await books.ledger.settle([paying(payer, shared) for payer in payers])
    for request, answers in ((one, outcomes), (shared, in_one_commit)):
        assert sum(is_closed(answer, Status.PAID) for answer in answers) == 49
        [movement] = [answer for answer in answers if isinstance(answer, Movement)]
        winner = next(p for p in payers if p.user_id == movement.entry.user_id)
        for user in (ann, winner):
            kept = await stored(books, user, request)
            assert kept is not None
            assert (kept.payer_id, kept.reference) == (winner.user_id, movement.entry.reference)
            assert (kept.status, kept.closed_at) == (Status.PAID, movement.entry.created_at)
    assert sum(books.balances(*payers)) == 50 * 600 - 600
    assert books.balances(ann) == [600]
    assert kinds_told(books, ann) == {"money_received": 2, "request_paid": 2}
    await books.assert_clean()


@pytest.mark.parametrize("is_addressed", [True, False], ids=["addressed", "open"])
async def test_paying_cancelling_declining_and_expiring_at_once_have_one_effect(
    books: Books, is_addressed: bool
) -> None:
    chance = random.Random("races")
    ann, ben = books.join("Ann"), books.join("Ben")
    await books.add(ben, "100")
    made = [
        await requesting_money(books, ann, ben if is_addressed else None, "1", note=str(number))
        for number in range(24)
    ]
    db, effects = books.database, Counter[str]()

    async def expire(ids: tuple[object, object]) -> str:
        """As a job that the relay queues again and again, as long as the request is pending."""
        while not await closing.expire(db, *ids):  # type: ignore[arg-type]
            kept = await reading.by_ids(db, ann.user_id, [ids[1]])  # type: ignore[list-item]
            if kept[ids[1]].status is not Status.PENDING:  # type: ignore[index]
                raise RequestClosed(kept[ids[1]])  # type: ignore[index]
        return "expired"

    # On a cluster, a commit takes longer.
    unit = 20 if distributing.has_citus(books.connection) else 1
    for request in made:
        ids = request.requester_id, request.request_id
        # Expires at once, or soon, or only after the others.
        books.connection.execute(
            "UPDATE payment_requests SET expires_at = (SELECT clock_timestamp()) + %s * interval '1 ms' WHERE id = %s",
            [unit * chance.choice([1, 8, 60_000]), request.request_id],
        )
        racing = [
            books.ledger.move(paying(ben, request)), closing.cancel(db, ann.principal, *ids), expire(ids),
        ]  # fmt: skip
        if is_addressed:
            racing.append(closing.decline(db, ben.principal, *ids))
        chance.shuffle(racing)
        outcomes = await asyncio.gather(*racing, return_exceptions=True)
        for answer in outcomes:
            assert not isinstance(answer, BaseException) or isinstance(answer, RequestClosed), (
                answer
            )
        done = [answer for answer in outcomes if not isinstance(answer, RequestClosed)]
        assert len(done) <= 1
        kept = await stored(books, ann, request)
        assert kept is not None
        assert kept.status is not Status.PENDING
        effects[kept.status] += 1
        for refusal in outcomes:
            if isinstance(refusal, RequestClosed):
                assert refusal.payment_request.status is kept.status
        assert (await stored(books, ben, request) is not None) == (
            is_addressed or kept.status is Status.PAID
        )
    assert effects.total() == len(made)
    assert len(effects) > 1, effects
    assert books.balances(ann, ben) == [effects["paid"] * 100, 10_000 - effects["paid"] * 100]
    outcomes_told = {
        kind: count
        for kind, count in kinds_told(books, ann).items()
        if str(kind).startswith("request_")
    }
    assert outcomes_told == {
        f"request_{status}": count for status, count in effects.items() if status != "cancelled"
    }
    await books.assert_clean()


async def test_two_keys_pay_once_and_one_key_is_replayed(books: Books) -> None:
    ann, ben = books.join("Ann"), books.join("Ben")
    await books.add(ben, "10")
    for number in range(8):
        request = await requesting_money(books, ann, ben, "1")
        first = paying(ben, request)
        again = replace(first, reference=paying(ben, request).reference)
        outcomes = await asyncio.gather(
            *(books.ledger.move(each) for each in (first, again, paying(ben, request))),
            return_exceptions=True,
        )
        moved = [answer for answer in outcomes if isinstance(answer, Movement)]
        refused = [answer for answer in outcomes if not isinstance(answer, Movement)]
        assert all(is_closed(each, Status.PAID) for each in refused)
        # Either both with the one key, or the one with the other.
        assert sorted(each.replayed for each in moved) in ([False, True], [False])
        assert len({each.entry.reference for each in moved}) == 1
        assert books.balances(ann) == [(number + 1) * 100]
    await books.assert_clean()


async def test_an_answer_lost_after_the_commit_is_replayed(
    books: Books, monkeypatch: pytest.MonkeyPatch, admin_database_url: str
) -> None:
    from persistence.engine import pipeline

    ann, ben = books.join("Ann"), books.join("Ben")
    await books.add(ben, "10")
    real, losses = pipeline.round_trip, []

    async def losing(connection: psycopg.AsyncConnection, statements: list[object]) -> object:
        answer = await real(connection, statements)  # type: ignore[arg-type]
        if statements[-1] == (b"COMMIT", ()) and not losses:
            # The server ends the connection after it has committed, and before anyone has heard of that.
            with psycopg.connect(admin_database_url, autocommit=True) as admin:
                pid = connection.info.backend_pid
                losses.append(admin.execute("SELECT pg_terminate_backend(%s::int, 5000)", [pid]))
            await connection.execute("SELECT 1")
        return answer

    for payer in (ben, None):
        request = await requesting_money(books, ann, payer, "1")
        losses.clear()
        monkeypatch.setattr(pipeline, "round_trip", losing)
        moved = await books.ledger.move(paying(ben, request))
        monkeypatch.setattr(pipeline, "round_trip", real)
        assert losses
        assert moved.replayed
        kept = await stored(books, ben, request)
        assert kept is not None
        assert kept.reference == moved.entry.reference
    assert books.balances(ann, ben) == [200, 800]
    await books.assert_clean()


async def test_a_key_of_a_payment_is_closed_and_an_ended_session_pays_and_closes_nothing(
    books: Books,
) -> None:
    ann, ben = books.join("Ann"), books.join("Ben")
    await books.add(ben, "10")
    request = await requesting_money(books, ann, ben, "1")
    paid = await books.ledger.move(paying(ben, request, key="the-key-of-both"))
    # What `sendMoney` would have moved with this key was moved.
    sending = SendMoney(
        authority=ben.authority, recipient_id=ann.user_id, amount=LIMITS.money(100).amount, note=None,
        idempotency_key="the-key-of-both", reference=request.request_id,
    )  # fmt: skip
    assert (await books.ledger.move(sending)).entry == paid.entry
    another = await requesting_money(books, ann, ben, "1")
    books.connection.execute("UPDATE sessions SET ended_at = now()")
    for attempt in (
        books.ledger.move(paying(ben, another)),
        closing.decline(books.database, ben.principal, another.requester_id, another.request_id),
        closing.cancel(books.database, ann.principal, another.requester_id, another.request_id),
        requesting_money(books, ann, ben),
        books.ledger.move(
            replace(paying(ben, another), authority=Session(ben.user_id, ann.session_id))
        ),
    ):
        with pytest.raises(errors.Unauthenticated):
            await attempt
    kept = await stored(books, ann, another)
    assert kept == another


async def test_expiring_is_recorded_once_for_both_users(books: Books) -> None:
    ann, ben = books.join("Ann"), books.join("Ben")
    made = [await requesting_money(books, ann, payer) for payer in (ben, None, ben)]
    old, lonely, kept = made
    books.connection.execute(
        "UPDATE payment_requests SET expires_at = (SELECT clock_timestamp()) WHERE id = ANY(%s)",
        [[old.request_id, lonely.request_id]],
    )
    due = await closing.due(books.database, 10)
    assert due == [(ann.user_id, old.request_id), (ann.user_id, lonely.request_id)]
    tries = [closing.expire(books.database, *each) for each in due * 3]
    assert (await asyncio.gather(*tries)).count(True) == 2
    assert not await closing.expire(books.database, ann.user_id, kept.request_id)
    assert not await closing.expire(books.database, ben.user_id, old.request_id)
    assert await closing.due(books.database, 10) == []
    for user in (ann, ben):
        request = await stored(books, user, old)
        assert request is not None
        assert (request.status, request.closed_at) == (Status.EXPIRED, request.expires_at)
    assert kinds_told(books, ann)["request_expired"] == 2
    assert kinds_told(books, ben) == {"request_received": 2, "request_expired": 1}
    await books.assert_clean()


async def test_each_list_of_requests_is_read_by_index(books: Books) -> None:
    ann, ben = books.join("Ann"), books.join("Ben")
    books.connection.execute(
        "INSERT INTO payment_requests (user_id, id, role, requester_id, payer_id, is_open, amount, status, "
        "created_at, expires_at, closed_at, secret) SELECT user_id, id, role, %(ann)s, %(ben)s, false, 1, "
        "status, now(), now() + interval '1 day', CASE status WHEN 'pending' THEN NULL ELSE now() END, "
        "substr(sha256(uuid_send(id)), 1, 16) FROM (SELECT gen_random_uuid() AS id, "
        "CASE WHEN n %% 100 = 0 THEN 'pending' ELSE 'declined' END AS status FROM generate_series(1, 4000) "
        "AS n) AS made, (VALUES (%(ann)s::uuid, 'requester'), (%(ben)s::uuid, 'payer')) AS side (user_id, role)",
        {"ann": ann.user_id, "ben": ben.user_id},
    )
    books.connection.execute("ANALYZE payment_requests")
    for chosen, query in reading._QUERIES.items():
        command, parameters = query.bind(user_id=ann.user_id, before=reading._NEWEST, limit=21)
        statement = command.decode()
        for number, value in enumerate(parameters, 1):
            kind = "bigint" if value == b"21" else "uuid"
            assert value is not None
            statement = statement.replace(f"${number}", f"'{value.decode()}'::{kind}")
        plan = "\n".join(
            str(line)
            for (line,) in books.connection.execute("EXPLAIN " + statement.replace("%", "%%"))
        )
        assert "Seq Scan" not in plan, (chosen, plan)
