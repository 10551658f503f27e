"""Kinds of notification: their sentences, who is mailed, and how notices are numbered."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.ledger import money, settling
from domain.ledger.decisions import Posted
from domain.ledger.mails import RequestMail
from domain.notifications import notification_kinds
from domain.notifications.notices import Mail, Notice, Notification
from domain.notifications.notification_kinds import (
    ALWAYS_MAILED,
    RULES,
    Facts,
    Mailed,
    NotificationKind,
    SecurityChange,
)
from domain.notifications.views import View
from domain.people.accounts import MailPurpose
from tests.domain import worlds
from tests.domain.worlds import ALPHA, BETA, GAMMA, NOW

USD = money.currency("USD")


def test_every_kind_has_rules() -> None:
    assert list(RULES) == list(NotificationKind)


def test_security_is_always_mailed_whatever_was_chosen() -> None:
    assert {NotificationKind.NEW_SIGN_IN, NotificationKind.SECURITY_CHANGED} == ALWAYS_MAILED
    assert set(notification_kinds.mailed_kinds([])) == ALWAYS_MAILED
    assert notification_kinds.chosen_kinds(ALWAYS_MAILED) == []


def test_the_default_is_what_is_mailed_by_default_or_always() -> None:
    assert notification_kinds.mailed_kinds(None) == [
        kind for kind, rule in RULES.items() if rule.mailed is not Mailed.ON_REQUEST
    ]


@pytest.mark.parametrize("kind", NotificationKind)
def test_a_choice_is_what_it_says(kind: NotificationKind) -> None:
    chosen = notification_kinds.chosen_kinds([kind])
    assert set(notification_kinds.mailed_kinds(chosen)) == {kind} | ALWAYS_MAILED
    # A kind of a newer release.
    assert notification_kinds.mailed_kinds(["horoscope"]) == sorted(ALWAYS_MAILED)


@pytest.mark.parametrize("kind", NotificationKind)
@pytest.mark.parametrize(
    "details",
    [
        None,
        {},
        {"change": "another", "name": None},
        {"amount_minor": "x", "api_tokens_revoked": 1},
        {"change": "password_changed", "api_tokens_revoked": "x"},
        {"change": "api_token_created", "host": 5},
    ],
)
def test_a_message_is_a_sentence_whatever_the_details(
    kind: NotificationKind, details: dict[str, Any] | None
) -> None:
    message = View(Notification(ALPHA, 1, kind, NOW, details=details)).message(USD)
    assert message[0].isupper()
    assert message.endswith(".")


@pytest.mark.parametrize(
    ("details", "message"),
    [
        ({"change": "password_changed"}, "Your password was changed."),
        (
            {"change": "password_changed", "api_tokens_revoked": 2},
            "Your password was changed. 2 API tokens were revoked.",
        ),
        (
            {"change": "password_reset", "api_tokens_revoked": 1},
            "Your password was reset with a link from a mail. 1 API token was revoked.",
        ),
        ({"change": "api_token_created", "name": "till"}, "The API token “till” was created."),
        ({"change": "api_token_revoked", "name": "till"}, "The API token “till” was revoked."),
    ],
)
def test_a_change_of_security_says_what_changed(details: dict[str, Any], message: str) -> None:
    assert details["change"] in set(SecurityChange)
    assert RULES[NotificationKind.SECURITY_CHANGED].message(Facts(details=details)) == message


def test_all_names_in_a_message_are_written_as_they_are_to_be() -> None:
    for kind, details, message in (
        (
            NotificationKind.SECURITY_CHANGED,
            {"change": "api_token_revoked", "name": "till"},
            "The API token “TILL” was revoked.",
        ),
        (
            NotificationKind.WEBHOOK_DISABLED,
            {"host": "shop.example"},
            "The webhook to SHOP.EXAMPLE was disabled: its deliveries failed.",
        ),
    ):
        notification = Notification(ALPHA, 1, kind, NOW, details=details)
        assert View(notification).message(USD, written=str.upper) == message


def test_an_amount_without_an_entry_is_that_of_the_details() -> None:
    told = Notification(
        ALPHA, 1, NotificationKind.REQUEST_RECEIVED, NOW, details={"amount_minor": 1250}
    )
    assert View(told).message(USD) == "Another user requests 12.50 USD from you."


# ================================================================ numbering


def test_commands_of_one_commit_continue_one_numbering() -> None:
    ledger = worlds.ledger_of(
        worlds.account(ALPHA),
        replace(worlds.account(BETA, 0), notification_number=7),
        worlds.account(GAMMA),
    )
    commands = [
        worlds.send("1", key="key-00000001"),
        worlds.send("999999", key="key-00000002"),
        worlds.send("2", sender=GAMMA, recipient=BETA, key="key-00000003"),
        worlds.send("1", key="key-00000001"),
        worlds.send("3", recipient=GAMMA, key="key-00000004"),
    ]
    settlement = settling.settle(ledger, commands)
    assert [(each.user_id, each.number) for each in settlement.notifications] == [
        (BETA, 8),
        (BETA, 9),
        (GAMMA, 1),
    ]
    counted = {user_id: each.notification_number for user_id, each in settlement.accounts.items()}
    assert counted == {ALPHA: 0, BETA: 9, GAMMA: 1}
    outcomes = [each.notifications for each in settlement.outcomes if isinstance(each, Posted)]
    assert [len(each) for each in outcomes] == [1, 1, 0, 1]


def test_a_notification_is_of_the_time_of_its_entry() -> None:
    later = NOW + timedelta(minutes=3)
    recipient = replace(worlds.account(BETA), last_posted_at=later)
    settlement = settling.settle(
        worlds.ledger_of(worlds.account(ALPHA), recipient), [worlds.send("1")]
    )
    [told] = settlement.notifications
    assert told.created_at == settlement.entries[1].created_at == later


@pytest.mark.parametrize(
    ("chosen", "mails"), [(None, 0), ([], 0), (["money_received"], 1), (["request_paid"], 0)]
)
def test_received_money_is_mailed_to_who_chose_that(chosen: list[str] | None, mails: int) -> None:
    recipient = replace(worlds.account(BETA), mailed_notifications=chosen)
    settlement = settling.settle(
        worlds.ledger_of(worlds.account(ALPHA), recipient), [worlds.send("1")]
    )
    expected = RequestMail(BETA, MailPurpose.NOTIFICATION, {"number": 1}, NOW)
    assert settlement.effects == [expected] * mails


def test_a_notice_may_have_a_mail_of_its_own() -> None:
    mail = Mail(MailPurpose.PASSWORD_CHANGED, {"api_tokens_revoked": 0})
    notice = Notice(ALPHA, NotificationKind.SECURITY_CHANGED, mail=mail)
    assert Notification.of(notice, 3, NOW).mail_of(notice) == mail
    plain = replace(notice, mail=None)
    assert Notification.of(plain, 3, NOW).mail_of(plain) == Mail(
        MailPurpose.NOTIFICATION, {"number": 3}
    )
