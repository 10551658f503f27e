"""Transfers and top-ups through the API: once per key, all or nothing, with typed refusals."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal

import pytest

from domain import ids
from domain.people import accounts
from tests.resolvers.world import REFUSED_BY_SCHEMA, SEND, Someone, World, new_key

pytestmark = pytest.mark.anyio

PREVIEW = """
query($amount: Decimal!) {
  transferPreview(amount: $amount) {
    ... on TransferPreview {
      amount { amount } fee { amount } total { amount } shortfall { amount }
      maximumSendable { amount currency }
    }
    ... on InvalidAmount { message minimum { amount } maximum { amount } }
  }
}
"""


async def test_sending_moves_the_money_and_posts_to_both_ledgers(
    world: World, alpha: Someone, beta: Someone
) -> None:
    sent = await alpha.send(beta, "12.34", note="  for   lunch ")
    assert sent["__typename"] == "MoneySent"
    assert sent["replayed"] is False
    entry = sent["transaction"]
    assert (entry["kind"], entry["direction"], entry["sequence"]) == ("TRANSFER", "OUTGOING", 2)
    assert entry["amount"] == {"amount": "12.34", "currency": "USD"}
    assert entry["fee"] == {"amount": "0.00"}
    assert entry["note"] == "for lunch"
    assert entry["counterparty"] == {
        "id": beta.id,
        "name": "Beta",
        "emailHint": accounts.email_hint(beta.email),
    }
    assert entry["balanceAfter"] == sent["viewer"]["balance"] == {"amount": "987.66"}
    assert sent["viewer"]["sequence"] == 2
    received = (
        await beta.ask(
            "{ viewer { transactions { nodes { reference direction note balanceAfter { amount }"
            " counterparty { name } } } } }"
        )
    ).one["transactions"]["nodes"]
    assert received == [
        {
            "reference": entry["reference"],
            "direction": "INCOMING",
            "note": "for lunch",
            "balanceAfter": {"amount": "12.34"},
            "counterparty": {"name": "Alpha"},
        }
    ]
    assert world.metrics.transfers[-1] == "moved"
    assert world.metrics.operations[-2:] == [("sendMoney", "ok"), ("viewer", "ok")]


async def test_money_goes_to_an_address_given_completely_in_any_case(
    alpha: Someone, beta: Someone
) -> None:
    sent = await alpha.send(f"  {beta.email.upper()} ", 1)
    assert sent["transaction"]["counterparty"]["id"] == beta.id
    assert await beta.balance() == "1.00"


async def test_adding_is_an_entry_without_a_counterparty(alpha: Someone) -> None:
    added = await alpha.add("0.01")
    entry = added["transaction"]
    assert (entry["kind"], entry["direction"], entry["counterparty"]) == (
        "TOP_UP",
        "INCOMING",
        None,
    )
    assert (entry["note"], entry["fee"]) == (None, {"amount": "0.00"})
    assert added["viewer"]["balance"] == {"amount": "1000.01"}


async def test_the_same_key_answers_again_and_moves_nothing(
    world: World, alpha: Someone, beta: Someone
) -> None:
    key = new_key()
    first = await alpha.send(beta, "10", key, note="")
    await alpha.send(beta, "5")
    before = world.books()
    again = await alpha.send(beta.email, "10.00", key)
    assert again["replayed"] is True
    assert again["transaction"] == first["transaction"]
    assert again["viewer"]["balance"] == {"amount": "985.00"}
    assert world.books() == before
    assert world.metrics.transfers[-1] == "replayed"


async def test_an_added_balance_is_replayed_too(world: World, alpha: Someone) -> None:
    key = new_key()
    first = await alpha.add("10", key)
    before = world.books()
    again = await alpha.add("10.0", key)
    assert (again["replayed"], again["transaction"]) == (True, first["transaction"])
    assert (await alpha.add("11", key))["__typename"] == "IdempotencyKeyReused"
    assert world.books() == before


@pytest.mark.parametrize(
    "changed",
    [
        {"amount": "10.01"},
        {"amount": "0"},
        {"amount": "10.001"},
        {"note": "another"},
        {"note": "\u202eanother"},
        {"note": "nul\x00"},
        {"recipient": {"email": "nobody@example.com"}},
        {"recipient": {"email": "not an address"}},
        {"recipient": {"userId": "nonsense"}},
    ],
    ids=str,
)
async def test_a_key_with_other_input_is_refused_before_every_other_rule(
    world: World, alpha: Someone, beta: Someone, changed: dict[str, object]
) -> None:
    given = {"recipient": {"userId": beta.id}, "amount": "10", "idempotencyKey": new_key()}
    await alpha.ask(SEND, input=given)
    before = world.books()
    answer = await alpha.ask(SEND, input={**given, **changed})
    assert answer.one["__typename"] == "IdempotencyKeyReused"
    assert world.books() == before


async def test_a_key_belongs_to_one_user_and_one_operation(alpha: Someone, beta: Someone) -> None:
    key = new_key()
    assert (await alpha.send(beta, "10", key))["replayed"] is False
    assert (await beta.send(alpha, "10", key))["replayed"] is False
    assert (await alpha.add("10", key))["replayed"] is False


async def test_a_refusal_leaves_the_key_unused(alpha: Someone, beta: Someone) -> None:
    key = new_key()
    assert (await alpha.send(beta, "1000.01", key))["__typename"] == "InsufficientFunds"
    assert (await alpha.send(beta, "1000", key))["replayed"] is False


async def test_many_at_once_with_one_key_move_money_once(alpha: Someone, beta: Someone) -> None:
    key = new_key()
    answers = await asyncio.gather(*(alpha.send(beta, "10", key) for _ in range(20)))
    assert [answer["replayed"] for answer in answers].count(False) == 1
    assert await beta.balance() == "10.00"


@pytest.mark.parametrize(
    "key", ["", "short67", "k" * 65, "käse-1234", "new\nline-1", "nul\x00-12345", "١٢٣٤٥٦٧٨"]
)
async def test_a_key_takes_8_to_64_printable_ascii_characters(
    world: World, someone: Someone, key: str
) -> None:
    before = world.books()
    for answer in (
        await someone.add("1", key or "\x7f"),
        await someone.send(someone, "1", key or "\x7f"),
    ):
        assert answer["__typename"] == "InvalidInput"
        assert answer["fields"][0]["path"] == ["idempotencyKey"]
    assert world.books() == before


@pytest.mark.parametrize("amount", ["0", "-5", "0.001", "12.345", "10000.01", "9" * 200, 0, -1])
async def test_an_amount_out_of_range_or_too_precise_is_invalid(
    world: World, someone: Someone, other: Someone, amount: object
) -> None:
    before = world.books()
    for answer in (await someone.send(other, amount), await someone.add(amount)):
        assert answer["__typename"] == "InvalidAmount"
        assert answer["minimum"] == {"amount": "0.01", "currency": "USD"}
        assert answer["maximum"] == {"amount": "10000.00"}
    assert world.books() == before


@pytest.mark.parametrize(
    "amount",
    [
        12.5,
        1.0,
        "NaN",
        "1e5",
        "1,000",
        " 1",
        "1 ",
        "١٢",
        "１",
        "",
        "0x1",
        True,
        None,
        [],
        {},
        "1\x00",
    ],
)
async def test_what_is_no_plain_number_fails_coercion(
    world: World, someone: Someone, other: Someone, amount: object
) -> None:
    before = world.books()
    answer = await someone.ask(
        SEND,
        input={"recipient": {"userId": other.id}, "amount": amount, "idempotencyKey": new_key()},
    )
    assert (answer.data, answer.code) == (None, REFUSED_BY_SCHEMA)
    assert world.books() == before


async def test_a_float_literal_is_told_about_the_quotes(someone: Someone) -> None:
    answer = await someone.ask("{ transferPreview(amount: 1.5) { __typename } }")
    assert (answer.data, answer.code) == (None, REFUSED_BY_SCHEMA)
    assert "put it in quotes" in answer.errors[0].message


@pytest.mark.parametrize("note", ["x" * 141, "nul\x00", "blank\u3164", "bell\x07", "\ud800"])
async def test_a_note_that_is_too_long_or_hides_something_is_refused(
    world: World, someone: Someone, other: Someone, note: str
) -> None:
    before = world.books()
    answer = await someone.send(other, "1", note=note)
    assert answer["__typename"] == "InvalidInput"
    assert answer["fields"][0]["path"] == ["note"]
    assert world.books() == before


async def test_a_note_and_an_address_are_taken_without_what_was_pasted_with_them(
    alpha: Someone, beta: Someone
) -> None:
    pasted = "\u200efor the\r\n tic\u00adkets\t\u200f"
    address = "<mailto:" + beta.email.replace("@", "\uff20") + "\u200b>,"
    sent = await alpha.send(address, "1", key="pasted-note-1", note=pasted)
    assert sent["transaction"]["note"] == "for the tickets"
    again = await alpha.send(beta, "1", key="pasted-note-1", note="for the tickets")
    assert (again["replayed"], again["transaction"]["id"]) == (True, sent["transaction"]["id"])
    other = await alpha.send(beta, "1", key="pasted-note-1", note="for thetickets")
    assert other["__typename"] == "IdempotencyKeyReused"


async def test_a_note_may_be_140_characters_of_any_script(alpha: Someone, beta: Someone) -> None:
    note = "é" * 137 + " 🇨🇭"
    assert (await alpha.send(beta, "1", note=note))["transaction"]["note"] == note


async def test_what_the_balance_lacks_is_said(someone: Someone, other: Someone) -> None:
    answer = await someone.send(other, "1000.50")
    assert answer["__typename"] == "InsufficientFunds"
    assert answer["balance"] == {"amount": "1000.00"}
    assert answer["shortfall"] == {"amount": "0.50"}


async def test_unknown_and_unverified_recipients_are_not_found(
    world: World, someone: Someone
) -> None:
    carol = await world.join("Carol", verified=False)
    stranger = ids.global_id("User", ids.new_id())
    own_viewer = ids.global_id("Viewer", someone.user_id)
    for recipient in (
        {"email": "nobody@example.com"},
        {"email": carol.email},
        {"userId": carol.id},
        {"userId": stranger},
        {"userId": own_viewer},
        {"userId": ""},
        {"userId": "nul\x00"},
        {"userId": str(someone.user_id)},
    ):
        answer = await someone.ask(
            SEND, input={"recipient": recipient, "amount": "1", "idempotencyKey": new_key()}
        )
        assert answer.one["__typename"] == "RecipientNotFound", recipient


@pytest.mark.parametrize(
    "address", ["", "beta", "beta@", "a@b@c.com", "nul\x00@example.com", "x" * 300]
)
async def test_a_malformed_address_is_named(someone: Someone, address: str) -> None:
    answer = await someone.send(address, "1")
    assert answer["__typename"] == "InvalidInput"
    assert answer["fields"][0]["path"] == ["recipient", "email"]


async def test_no_user_pays_themselves(someone: Someone) -> None:
    assert (await someone.send(someone, "1"))["__typename"] == "CannotPayYourself"
    assert (await someone.send(someone.email, "1"))["__typename"] == "CannotPayYourself"


@pytest.mark.parametrize(
    "recipient",
    [{}, {"userId": "a", "email": "b@example.com"}, {"userId": None}, None, "beta", {"name": "x"}],
)
async def test_a_recipient_is_exactly_one_of_the_two(someone: Someone, recipient: object) -> None:
    answer = await someone.ask(
        SEND, input={"recipient": recipient, "amount": "1", "idempotencyKey": new_key()}
    )
    assert (answer.data, answer.code) == (None, REFUSED_BY_SCHEMA)


async def test_the_unverified_move_no_money(world: World, other: Someone) -> None:
    carol = await world.join("Carol", verified=False)
    assert (await carol.add("1"))["__typename"] == "EmailNotVerified"
    assert (await carol.send(other, "1"))["__typename"] == "EmailNotVerified"
    assert "transferPreview" in ((await carol.ask(PREVIEW, amount="1")).data or {})


async def test_top_ups_stop_at_the_most_a_wallet_may_hold(
    new_world: Callable[..., Awaitable[World]],
) -> None:
    world = await new_world(max_balance="1005")
    alpha = await world.join("Alpha", balance="1000")
    refused = await alpha.add("5.01")
    assert refused["__typename"] == "BalanceLimitExceeded"
    assert refused["maximumTopUp"] == {"amount": "5.00"}
    assert (await alpha.add("5"))["__typename"] == "BalanceAdded"


async def test_what_others_send_may_pass_it(new_world: Callable[..., Awaitable[World]]) -> None:
    world = await new_world(max_balance="1000")
    alpha = await world.join("Alpha", balance="1000")
    beta = await world.join("Beta", balance="1000")
    assert (await alpha.send(beta, "1000"))["__typename"] == "MoneySent"
    assert await beta.balance() == "2000.00"
    assert (await beta.add("1"))["maximumTopUp"] == {"amount": "0.00"}


async def test_no_money_moves_signed_out(world: World, other: Someone) -> None:
    answer = await world.ask(
        SEND,
        input={"recipient": {"userId": other.id}, "amount": "1", "idempotencyKey": new_key()},
    )
    assert answer.code == "UNAUTHENTICATED"


async def test_a_session_moves_no_money_from_the_moment_it_ends(
    world: World, alpha: Someone, beta: Someone
) -> None:
    await alpha.balance()
    # Behind the back of this process, whose knowledge that the session is active is still fresh.
    world.sql("UPDATE sessions SET ended_at = now() WHERE user_id = %s", alpha.user_id)
    answer = await alpha.ask(
        SEND,
        input={"recipient": {"userId": beta.id}, "amount": "1", "idempotencyKey": new_key()},
    )
    assert answer.code == "UNAUTHENTICATED"
    assert world.metrics.transfers[-1] == "Unauthenticated"


@pytest.fixture
async def dear(new_world: Callable[..., Awaitable[World]]) -> World:
    """A service that takes 1.5 %."""
    return await new_world(transfer_fee_basis_points=150)


async def test_the_preview_agrees_with_the_transfer(dear: World) -> None:
    beta = await dear.join("Beta")
    for amount in ("0.01", "10", "12.34", "985.22"):
        alpha = await dear.join("Alpha", balance="1000")
        preview = (await alpha.ask(PREVIEW, amount=amount)).one
        assert preview["shortfall"] is None
        sent = await alpha.send(beta, amount)
        assert sent["transaction"]["fee"] == preview["fee"]
        assert sent["transaction"]["amount"]["amount"] == preview["amount"]["amount"]
        spent = Decimal("1000") - Decimal(sent["viewer"]["balance"]["amount"])
        assert Decimal(preview["total"]["amount"]) == spent
    assert await beta.balance() == "1007.57"


async def test_the_fee_counts_towards_what_is_lacking(dear: World) -> None:
    alpha, beta = await dear.join("Alpha", balance="1000"), await dear.join("Beta")
    preview = (await alpha.ask(PREVIEW, amount="985.23")).one
    assert preview["shortfall"] == {"amount": "0.01"}
    assert preview["maximumSendable"] == {"amount": "985.22", "currency": "USD"}
    refused = await alpha.send(beta, "985.23")
    assert refused["__typename"] == "InsufficientFunds"
    assert refused["shortfall"] == {"amount": "0.01"}


async def test_an_amount_that_cannot_be_sent_has_no_preview(someone: Someone) -> None:
    for amount in ("0", "-1", "0.001", "10000.01"):
        preview = (await someone.ask(PREVIEW, amount=amount)).one
        assert preview["minimum"] == {"amount": "0.01"}
        assert preview["maximum"] == {"amount": "10000.00"}


@pytest.mark.parametrize(
    ("currency", "good", "shown", "too_precise"),
    [("JPY", "1250", "1250", "1.5"), ("KWD", "1.234", "1.234", "1.2345")],
)
async def test_amounts_have_the_currencys_own_decimals(
    new_world: Callable[..., Awaitable[World]],
    currency: str,
    good: str,
    shown: str,
    too_precise: str,
) -> None:
    world = await new_world(wallet_currency=currency)
    beta = await world.join("Beta")
    added = await beta.add(good)
    assert added["transaction"]["amount"] == {"amount": shown, "currency": currency}
    assert (await beta.add(too_precise))["__typename"] == "InvalidAmount"
