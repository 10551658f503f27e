"""API tokens and passwords: confirming the session, and what a new password ends."""

from __future__ import annotations

import re
from typing import LiteralString

import psycopg
from dotenv import dotenv_values
from playwright.sync_api import Locator, Page, expect

from tests.client import actions
from tests.client.axe import PHONE, Axe
from tests.client.conftest import NewPage
from tests.client.stack import PASSWORD, Person, Stack

NEW_PASSWORD = "four walls and a roof"
CREATE = """
mutation ($input: CreateApiTokenInput!) { createApiToken(input: $input) { __typename } }
"""
TOKENS = "{ viewer { apiTokens { name dailyLimit { amount } expiresAt } } }"


def sign_in_an_hour_ago(stack: Stack, person: Person) -> None:
    """Everything that somebody is signed in with was begun an hour before it was."""
    change_sessions(
        stack,
        person,
        "created_at = created_at - interval '1 hour', "
        "confirmed_at = confirmed_at - interval '1 hour'",
    )


def change_sessions(stack: Stack, person: Person, change: LiteralString) -> None:
    url = dotenv_values(stack.data / "env")["DATABASE_URL"]
    assert url is not None
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            f"UPDATE sessions SET {change} "
            "WHERE user_id = (SELECT user_id FROM email_addresses WHERE address = %s)",
            [person.email],
        )


def fill_in(form: Locator, name: str) -> None:
    form.get_by_role("textbox", name="Name").fill(name)
    form.get_by_role("checkbox", name="Send money").check()


def test_a_token_is_created_after_the_password_where_the_sign_in_is_long_ago(
    stack: Stack, new_page: NewPage, axe: Axe, alpha: Person
) -> None:
    page = new_page(alpha, "/settings/api-tokens", viewport=PHONE, color_scheme="dark")
    page.get_by_role("button", name="Create a token").click()
    sign_in_an_hour_ago(stack, alpha)
    form = page.get_by_role("dialog", name="New API token")
    fill_in(form, "Payroll")
    limit = form.get_by_role("textbox", name=re.compile("Daily limit"))
    expect(limit).to_have_value("100")
    expect(form.get_by_role("combobox", name="Expires after")).to_have_value("90")
    axe.check(page)
    form.get_by_role("button", name="Create token").click()

    dialog = page.get_by_role("dialog", name="Confirm that it’s you")
    password = dialog.get_by_role("textbox", name="Password")
    expect(password).to_be_focused()
    axe.check(page)
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(form.get_by_role("textbox", name="Name")).to_have_value("Payroll")
    form.get_by_role("button", name="Create token").click()
    password.fill("not the password")
    password.press("Enter")
    expect(password).to_have_attribute("aria-invalid", "true")
    expect(dialog.get_by_text("The password is wrong.")).to_be_visible()
    axe.check(page)
    password.fill(PASSWORD)
    password.press("Enter")

    shown = page.get_by_role("dialog", name="Copy your token now")
    expect(shown.get_by_role("code")).to_have_text(re.compile("^mw_"))
    shown.get_by_role("button", name="I’ve saved it").click()
    expect(page.get_by_text("$100.00 left of the daily limit of $100.00")).to_be_visible()
    [token] = stack.ask(TOKENS, alpha.token)["viewer"]["apiTokens"]
    assert (token["name"], token["dailyLimit"]) == ("Payroll", {"amount": "100.00"})
    assert token["expiresAt"] is not None
    mail = stack.mail_to(alpha.email, "API token")
    assert "Name: Payroll" in mail["text"]
    assert "Daily limit: 100.00 USD" in mail["text"]
    assert f"{stack.url}/settings/api-tokens" in mail["links"]

    # For an hour nobody is asked again.
    page.get_by_role("button", name="New token").click()
    fill_in(form, "Another")
    form.get_by_role("button", name="Create token").click()
    expect(shown).to_be_visible()
    shown.get_by_role("button", name="I’ve saved it").click()


def create_token(stack: Stack, person: Person) -> None:
    asked = {"name": "Till", "scopes": ["READ_PROFILE"]}
    created = stack.ask(CREATE, person.token, input=asked)
    assert created["createApiToken"]["__typename"] == "ApiTokenCreated"


def change_password(page: Page, current: str, new: str) -> None:
    page.get_by_role("textbox", name="Current password").fill(current)
    page.get_by_role("textbox", name="New password").fill(new)
    page.get_by_role("button", name="Change password").click()


def test_a_change_of_password_revokes_tokens_where_that_is_ticked(
    stack: Stack, new_page: NewPage, axe: Axe, alpha: Person
) -> None:
    create_token(stack, alpha)
    page = new_page(alpha, "/settings/password", viewport=PHONE)
    change_password(page, PASSWORD, NEW_PASSWORD)
    expect(actions.toast(page, "Your password was changed")).to_be_visible()
    alpha.password, alpha._token = NEW_PASSWORD, ""
    assert len(stack.ask(TOKENS, alpha.token)["viewer"]["apiTokens"]) == 1

    also = page.get_by_role("checkbox", name="Also revoke API tokens")
    also.focus()
    page.keyboard.press("Space")
    axe.check(page)
    change_password(page, NEW_PASSWORD, PASSWORD)
    expect(actions.toast(page, "Your API tokens were revoked.")).to_be_visible()
    expect(also).not_to_be_checked()
    alpha.password, alpha._token = PASSWORD, ""
    assert stack.ask(TOKENS, alpha.token)["viewer"]["apiTokens"] == []
