"""Rules of webhooks: retries, identity and signatures of deliveries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import standardwebhooks

from domain import webhooks

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
WEBHOOK = UUID("01936f4e-7a4b-7c3d-8e5f-000000000001")


def test_retries_follow_after_growing_pauses_and_then_hourly() -> None:
    pauses, now, failures = [], NOW, 0
    while failures < 8:
        failures += 1
        later = webhooks.next_attempt_at(failures, failing_since=NOW, now=now)
        assert later is not None
        pauses.append((later - now).total_seconds())
        now = later
    assert pauses == [5, 30, 120, 600, 3600, 3600, 3600, 3600]


def test_an_event_is_given_up_three_days_after_its_first_failure() -> None:
    end = NOW + timedelta(days=3)
    just_before = end - timedelta(minutes=10)
    assert webhooks.next_attempt_at(70, failing_since=NOW, now=just_before) == end
    assert webhooks.next_attempt_at(71, failing_since=NOW, now=end) is None


def test_an_event_has_one_id_per_webhook() -> None:
    assert webhooks.event_id(WEBHOOK, 7) == "evt_01936f4e7a4b7c3d8e5f000000000001_7"
    assert webhooks.event_id(WEBHOOK, 7) != webhooks.event_id(WEBHOOK, 8)


def test_each_active_secret_verifies_a_delivery_and_no_other_does() -> None:
    old, new, other = (webhooks.new_secret() for _ in range(3))
    assert len({old, new, other}) == 3
    body = '{"number": 7, "data": {"note": "für Zoë"}}'
    sent_at = datetime.now(UTC)
    headers = webhooks.signed_headers([new, old], "evt_1_7", sent_at, body)
    assert len(headers["webhook-signature"].split(" ")) == 2
    for secret in (old, new):
        assert standardwebhooks.Webhook(secret).verify(body, headers)["number"] == 7
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(other).verify(body, headers)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(new).verify(body + " ", headers)


def test_the_hint_is_the_end_of_the_secret() -> None:
    secret = webhooks.new_secret()
    assert secret.startswith("whsec_")
    assert webhooks.hint(secret) == secret[-4:]
