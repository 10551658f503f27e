"""Posting on real connections: once per key, all or nothing, with an active authority."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from domain import errors, ids
from domain.authority import ApiToken, Session
from domain.ledger.send_money import SendMoney
from domain.people import sessions
from persistence.ledger.ledger import Movement
from persistence.people import api_tokens
from tests import row_changes
from tests.books import Books, Someone, sending

pytestmark = pytest.mark.anyio


# ================================================================ one movement


async def test_a_transfer_writes_an_entry_and_an_event_for_each_side_and_both_balances(
    books: Books,
) -> None:
    alpha, beta = await books.pair()
    moved = await books.send(alpha, beta, "2.50", note="Für den Käse")
    assert not moved.replayed
    assert (moved.person.name, moved.person.balance_minor, moved.person.sequence) == (
        "Alpha", 750, 2,
    )  # fmt: skip
    assert moved.counterparty is not None
    assert (moved.counterparty.email, moved.counterparty.balance_minor) == (beta.email, 250)
    assert moved.entry.note == "Für den Käse"
    assert books.balances(alpha, beta) == [750, 250]
    entries = books.connection.execute(
        "SELECT user_id, direction, amount, counterparty_id, note_search_text, balance_after, "
        "idempotency_key IS NULL FROM transactions WHERE kind = 'transfer' ORDER BY direction"
    ).fetchall()
    assert entries == [
        (beta.user_id, "incoming", 250, alpha.user_id, "fur den kase", 250, True),
        (alpha.user_id, "outgoing", 250, beta.user_id, "fur den kase", 750, False),
    ]
    told = books.connection.execute(
        "SELECT user_id, payload FROM outbox WHERE topic = 'transaction.posted' ORDER BY id"
    ).fetchall()
    assert told == [
        (alpha.user_id, {"sequence": 1}),
        (alpha.user_id, {"sequence": 2}),
        (beta.user_id, {"sequence": 1, "notification_number": 1}),
    ]


async def test_a_refusal_changes_nothing_and_leaves_the_key_unused(books: Books) -> None:
    alpha, beta = await books.pair("1")
    command = sending(alpha, beta, "2")
    with pytest.raises(errors.InsufficientFunds):
        await books.ledger.move(command)
    assert books.balances(alpha, beta) == [100, 0]
    await books.add(alpha, "5")
    assert not (await books.ledger.move(command)).replayed


async def test_a_key_replays_and_with_other_input_is_refused(books: Books) -> None:
    alpha, beta = await books.pair()
    command = sending(alpha, beta, "1")
    first = await books.ledger.move(command)
    await books.send(alpha, beta, "3")
    again = await books.ledger.move(replace(command, reference=ids.new_id(), amount=Decimal("1.0")))
    assert again.replayed
    assert again.entry == first.entry
    assert again.person.balance_minor == 600
    assert again.counterparty is not None
    assert again.counterparty.name == "Beta"
    with pytest.raises(errors.IdempotencyKeyReused):
        await books.ledger.move(replace(command, amount=Decimal("1.01")))
    assert books.balances(alpha, beta) == [600, 400]


async def test_hostile_text_is_stored_as_it_is(books: Books) -> None:
    alpha, beta = await books.pair()
    note = """{"NULL",\\,'} "quoted" \\" NULL 🧀 {}"""
    moved = await books.send(alpha, beta, note=note)
    key = '{"a\\b",NULL}'
    keyed = await books.ledger.move(sending(alpha, beta, key=key))
    assert (await books.ledger.move(sending(alpha, beta, key=key))).replayed
    stored = books.connection.execute(
        "SELECT DISTINCT note FROM transactions WHERE reference = %s", [moved.entry.reference]
    ).fetchall()
    assert stored == [(note,)]
    assert keyed.entry.idempotency_key == key


async def test_many_commands_share_a_commit_and_each_has_its_own_outcome(books: Books) -> None:
    alpha, beta = await books.pair("1")
    gamma = books.join("Gamma")
    first = sending(alpha, beta, "0.60")
    outcomes = await books.ledger.settle(
        [first, sending(alpha, gamma, "0.60"), first, sending(beta, gamma, "0.25")]
    )
    assert isinstance(outcomes[0], Movement)
    assert not outcomes[0].replayed
    assert isinstance(outcomes[1], errors.InsufficientFunds)
    assert isinstance(outcomes[2], Movement)
    assert outcomes[2].replayed
    assert isinstance(outcomes[3], Movement)
    assert books.balances(alpha, beta, gamma) == [40, 35, 25]
    assert await books.ledger.settle([]) == []
    await books.assert_clean()


async def test_entries_never_go_back_in_time(books: Books) -> None:
    alpha, beta = await books.pair()
    books.connection.execute(
        "UPDATE users SET last_posted_at = now() + interval '1 hour' WHERE id = %s", [alpha.user_id]
    )
    [(noted,)] = books.connection.execute(
        "SELECT last_posted_at FROM users WHERE id = %s", [alpha.user_id]
    ).fetchall()
    assert (await books.send(alpha, beta)).entry.created_at == noted


# ================================================================ who may


@pytest.mark.parametrize(
    "ending",
    [
        "UPDATE sessions SET ended_at = now()",
        "UPDATE sessions SET rotated_at = now() - interval '31 days'",
        "UPDATE sessions SET created_at = now() - interval '180 days'",
        "UPDATE users SET closed_at = now()",
        "DELETE FROM sessions",
    ],
)
async def test_an_ended_session_moves_nothing_and_replays_nothing(
    books: Books, ending: str
) -> None:
    alpha, beta = await books.pair()
    command = sending(alpha, beta)
    await books.ledger.move(command)
    books.connection.execute(ending.encode())
    for each in (command, sending(alpha, beta)):
        with pytest.raises(errors.Unauthenticated):
            await books.ledger.move(each)
    assert books.balances(alpha, beta) == [999, 1]


async def test_the_session_of_another_moves_nothing(books: Books) -> None:
    alpha, beta = await books.pair()
    with pytest.raises(errors.Unauthenticated):
        await books.ledger.move(
            replace(sending(alpha, beta), authority=Session(alpha.user_id, beta.session_id))
        )


async def by_token(
    books: Books, sender: Someone, recipient: Someone, *, daily_limit_minor: int | None
) -> Callable[[str], SendMoney]:
    token, _ = await api_tokens.create(
        books.database,
        sender.principal,
        name="till",
        scopes=[sessions.Scope.SEND_MONEY],
        daily_limit_minor=daily_limit_minor,
        expires_at=None,
    )

    def command(amount: str) -> SendMoney:
        return replace(
            sending(sender, recipient, amount),
            authority=ApiToken(sender.user_id, token.api_token_id),
        )

    return command


async def test_an_api_token_stays_within_its_daily_limit_also_side_by_side(books: Books) -> None:
    alpha, beta = await books.pair()
    command = await by_token(books, alpha, beta, daily_limit_minor=100)
    outcomes = await asyncio.gather(
        *(books.ledger.move(command("0.30")) for _ in range(10)), return_exceptions=True
    )
    assert sum(isinstance(outcome, Movement) for outcome in outcomes) == 3
    refused = [o for o in outcomes if isinstance(o, errors.TokenLimitExceeded)]
    assert [str(each.remaining) for each in refused] == ["0.10 USD"] * 7
    assert books.balances(beta) == [90]


async def test_what_a_token_spent_a_day_ago_does_not_count(
    books: Books, admin_database_url: str
) -> None:
    alpha, beta = await books.pair()
    command = await by_token(books, alpha, beta, daily_limit_minor=100)
    await books.ledger.move(command("1"))
    with row_changes.Unguarded.open(admin_database_url) as admin:
        admin.execute("UPDATE transactions SET created_at = created_at - %s", [timedelta(hours=24)])
    await books.ledger.move(command("0.40"))
    with pytest.raises(errors.TokenLimitExceeded):
        await books.ledger.move(command("0.61"))


@pytest.mark.parametrize("column", ["revoked_at", "expires_at"])
async def test_an_ended_api_token_moves_nothing(books: Books, column: str) -> None:
    alpha, beta = await books.pair()
    command = await by_token(books, alpha, beta, daily_limit_minor=None)
    await books.ledger.move(command("1"))
    books.connection.execute(f"UPDATE api_tokens SET {column} = clock_timestamp()".encode())
    with pytest.raises(errors.Unauthenticated):
        await books.ledger.move(command("1"))


async def test_an_unknown_user_is_unauthenticated(books: Books) -> None:
    alpha, beta = await books.pair()
    with pytest.raises(errors.Unauthenticated):
        await books.ledger.move(
            replace(sending(alpha, beta), authority=Session(UUID(int=1), alpha.session_id))
        )
