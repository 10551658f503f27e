"""Amounts are exact, retries bounded, and webhook requests verified, without any service."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from standardwebhooks import Webhook

import mini_wallet_client
from mini_wallet_client import (
    ConnectionFailed,
    InvalidSignature,
    Money,
    RateLimited,
    Retries,
    TransactionFilter,
    TransactionKind,
    Wallet,
)
from mini_wallet_client.values import exact, to_json
from mini_wallet_client.webhooks import verify_webhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + "c2VjcmV0IG51bWJlciB0d28gb2YgYWxs"
BODY = json.dumps(
    {
        "type": "wallet.event",
        "timestamp": "2026-11-22T08:30:00Z",
        "number": 8,
        "data": {"walletEvents": {"sequence": 8, "note": "žluťoučký \u2028 kůň"}},
    },
    ensure_ascii=False,
).encode()
NOW = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)


def test_the_package_says_that_it_is_typed() -> None:
    from importlib.resources import files

    assert files(mini_wallet_client).joinpath("py.typed").is_file()


@pytest.mark.parametrize(
    ("amount", "sent"),
    [("12.50", "12.50"), (Decimal("1E+2"), "100"), (Decimal("0.10"), "0.10"), (7, "7")],
)
def test_an_amount_is_sent_as_it_is(amount: Any, sent: str) -> None:
    assert exact(amount) == sent


@pytest.mark.parametrize("amount", [1.5, True, Decimal("NaN"), Decimal("Infinity"), None])
def test_what_is_not_exact_is_not_sent(amount: Any) -> None:
    with pytest.raises(TypeError):
        exact(amount)


@pytest.mark.parametrize("amount", ["", "1e5", "1,000", "12.5.0", " 1", "NaN", "١"])
def test_text_that_is_no_amount_is_not_sent(amount: str) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        exact(amount)


def test_money_knows_its_minor_units() -> None:
    assert Money(Decimal("12.50"), "USD").minor_units == 1250
    assert Money(Decimal("-0.05"), "USD").minor_units == -5
    assert Money(Decimal(1250), "JPY").minor_units == 1250
    assert str(Money(Decimal("12.50"), "USD")) == "12.50 USD"


def test_an_instant_is_sent_with_its_time_zone() -> None:
    sent = {"notAfter": "2026-11-22T08:30:00+00:00", "note": None}
    assert to_json({"notAfter": NOW, "note": None}) == sent
    matching = TransactionFilter(created_from=NOW, kind=TransactionKind.TOP_UP)
    assert to_json(matching) == {"createdFrom": sent["notAfter"], "kind": "TOP_UP"}
    with pytest.raises(TypeError, match="time zone"):
        to_json(NOW.replace(tzinfo=None))


def test_attempts_pause_longer_each_time_until_the_time_is_up() -> None:
    retries = Retries(1, 8, give_up_after_seconds=20, clock=lambda: 100.0)
    attempts = retries.start()
    pauses = [attempts.note(ConnectionFailed()) for _ in range(5)]
    for pause, most in zip(pauses, (1, 2, 4, 8, 8), strict=True):
        assert pause is not None
        assert most / 2 <= pause <= most
    late = replace(retries, give_up_after_seconds=0.4).start()
    assert late.note(ConnectionFailed()) is None


def test_pauses_begin_anew_after_a_success_and_after_a_quiet_minute() -> None:
    now = [100.0]
    attempts = Retries(1, 64, clock=lambda: now[0]).start()
    for _ in range(5):
        attempts.pause()
    assert attempts.pause() > 8
    attempts.start_over()
    assert attempts.pause() <= 1
    for _ in range(5):
        attempts.pause()
    now[0] += 61
    assert attempts.pause() <= 1


def test_an_attempt_waits_as_long_as_the_service_asks() -> None:
    limited = RateLimited("Too many requests.")
    limited.retry_after_seconds = 11
    attempts = Retries(1, 8, give_up_after_seconds=20, clock=lambda: 100.0).start()
    assert attempts.note(limited) == 11
    assert not attempts.are_ambiguous
    limited.retry_after_seconds = 21
    assert attempts.note(limited) is None


# ================================================================ webhooks


def _signed(secret: str = SECRET, at: datetime = NOW, body: bytes = BODY) -> dict[str, str]:
    """The headers as the official package signs."""
    signature = Webhook(secret).sign("msg_1", at, body.decode())
    return {
        "Webhook-Id": "msg_1",
        "Webhook-Timestamp": str(int(at.timestamp())),
        "Webhook-Signature": signature,
    }


def _verify(headers: dict[str, str], body: bytes = BODY, secrets: Any = SECRET) -> Any:
    return verify_webhook(body, headers, secrets, now=NOW.timestamp())


def test_a_webhook_request_that_the_official_package_signed_is_verified() -> None:
    event = _verify(_signed())
    assert (event.id, event.type, event.number) == ("msg_1", "wallet.event", 8)
    assert event.timestamp == NOW
    assert event.data["walletEvents"]["sequence"] == 8


def test_either_secret_fits_while_one_is_replaced() -> None:
    both = _signed()
    both["Webhook-Signature"] = (
        f"v1a,AAAA {_signed(OTHER)['Webhook-Signature']} {both['Webhook-Signature']}"
    )
    assert _verify(both).number == 8
    assert _verify(both, secrets=OTHER).number == 8
    assert _verify(_signed(OTHER), secrets=[SECRET, OTHER]).number == 8


def test_what_was_not_signed_is_refused() -> None:
    for headers, body in (
        (_signed(OTHER), BODY),
        (_signed(), BODY.replace(b": 8", b": 9")),
        ({**_signed(), "Webhook-Id": "msg_2"}, BODY),
        ({**_signed(), "Webhook-Signature": ""}, BODY),
        ({**_signed(), "Webhook-Signature": "v1,ü"}, BODY),
        ({**_signed(), "Webhook-Timestamp": "soon"}, BODY),
        ({**_signed(), "Webhook-Timestamp": "9" * 400}, BODY),
        ({}, BODY),
        (_signed(body=b"[]"), b"[]"),
        (_signed(body=b"no JSON"), b"no JSON"),
    ):
        with pytest.raises(InvalidSignature):
            _verify(headers, body)


@pytest.mark.parametrize("seconds", [-301, 301])
def test_a_webhook_request_of_another_time_is_refused(seconds: int) -> None:
    at = datetime.fromtimestamp(NOW.timestamp() + seconds, UTC)
    with pytest.raises(InvalidSignature, match="too long ago"):
        _verify(_signed(at=at))


def test_a_secret_that_is_none_is_an_error_of_the_program() -> None:
    with pytest.raises(ValueError, match="whsec_"):
        _verify(_signed(), secrets="")


@pytest.mark.parametrize("body", [BODY.decode(), json.loads(BODY)])
def test_a_body_that_is_not_as_it_was_received_is_an_error_of_the_program(body: Any) -> None:
    with pytest.raises(TypeError, match="as it was received"):
        verify_webhook(body, _signed(), SECRET)


def test_a_wallet_refuses_at_once_what_cannot_be_an_address_a_token_or_a_recipient() -> None:
    for url in ("", "wallet.example", "127.0.0.1:8000", "ftp://wallet.example"):
        with pytest.raises(ValueError, match="address"):
            Wallet(url)
    for token in ("", " ", "mw_…", "mw_secret\n", "Bearer mw_secret"):
        with pytest.raises(ValueError, match="createApiToken") as raised:
            Wallet("https://wallet.example", token=token)
        assert "secret" not in str(raised.value)
    with Wallet("https://wallet.example") as wallet, pytest.raises(TypeError, match="Recipient"):
        wallet.send_money("user.beta@demo.app", 1)  # type: ignore[arg-type]
