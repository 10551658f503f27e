"""Incoming money appears with either transport alone, and after an outage of both."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.client import actions
from tests.client.axe import Axe
from tests.client.cables import CHANNELS, EVERY, GRAPHQL, Cable, listen_on_channels, refuse_reads
from tests.client.conftest import NewPage
from tests.client.stack import Person

#: Begins another session in this browser without the page noticing; returns its access token.
SIGN_IN_ANEW = """async input => {
  const query = 'mutation ($input: LoginInput!) { login(input: $input) { ' +
    '... on SignedIn { credentials { accessToken } } } }';
  const body = JSON.stringify({query, variables: {input: {...input, useCookie: true}}});
  const headers = {'content-type': 'application/json'};
  const answer = await fetch('/graphql', {method: 'POST', headers, body});
  return (await answer.json()).data.login.credentials.accessToken;
}"""
SESSIONS = "{ viewer { sessions { id isCurrent } } wallet { pusher { channel } } }"
REVOKE = """
mutation ($input: RevokeSessionInput!) { revokeSession(input: $input) { __typename } }
"""


@pytest.mark.parametrize("cut", [CHANNELS, GRAPHQL], ids=["graphql alone", "channels alone"])
def test_money_arrives_over_either_transport_alone(
    new_context: Callable[..., BrowserContext],
    alpha: Person,
    beta: Person,
    cut: re.Pattern[str],
) -> None:
    page = new_context(beta).new_page()
    Cable(page, cut).cut()
    listening = "subscription_succeeded" if cut is GRAPHQL else "connection_ack"
    heard: list[str] = []
    page.on(
        "websocket", lambda socket: socket.on("framereceived", lambda data: heard.append(str(data)))
    )
    page.goto("/")
    expect(actions.balance(page)).to_have_text("$0.00")
    actions.until(page, lambda: any(listening in data for data in heard))
    refuse_reads(page)
    for number in (1, 2):
        alpha.send("7.50", beta, f"number {number}")
        expect(actions.balance(page)).to_have_text(f"${7.5 * number:.2f}")
    expect(actions.lines(page, re.compile("number"))).to_have_count(2)
    expect(page.get_by_role("link", name="Notifications, 2 unread")).to_be_visible()


def test_a_session_that_took_anothers_place_hears_by_its_own_channel(
    new_context: Callable[..., BrowserContext], alpha: Person, beta: Person
) -> None:
    page = new_context(beta).new_page()
    heard = listen_on_channels(page)
    expect(actions.balance(page)).to_have_text("$0.00")
    token = page.evaluate(SIGN_IN_ANEW, {"email": beta.email, "password": beta.password})
    found = beta.stack.ask(SESSIONS, token)
    channel = found["wallet"]["pusher"]["channel"]
    assert not any(channel in data for data in heard)
    # As soon as the previous session ends, the page may learn of the new one.
    for session in found["viewer"]["sessions"]:
        if not session["isCurrent"]:
            beta.stack.ask(REVOKE, token, input={"sessionId": session["id"]})
    actions.until(page, lambda: any(channel in data for data in heard))
    refuse_reads(page)
    alpha.send("7.50", beta)
    expect(actions.balance(page)).to_have_text("$7.50")


def test_after_both_transports_were_away_nothing_is_missing_or_repeated(
    new_context: Callable[..., BrowserContext], axe: Axe, alpha: Person, beta: Person
) -> None:
    page = new_context(beta).new_page()
    page.clock.install()
    cable = Cable(page, EVERY)
    page.goto("/")
    expect(actions.balance(page)).to_have_text("$0.00")
    alpha.send("1", beta, "before")
    expect(actions.balance(page)).to_have_text("$1.00")
    cable.cut()
    refuse_reads(page)
    page.clock.fast_forward("03")
    expect(page.get_by_text("Live updates are interrupted.")).to_be_visible()
    axe.check(page)
    for number in (1, 2):
        alpha.send("2", beta, f"meanwhile {number}")
    expect(actions.balance(page)).to_have_text("$1.00")
    page.unroute_all()
    cable.join()
    page.clock.fast_forward("05")
    expect(actions.balance(page)).to_have_text("$5.00")
    expect(page.get_by_text("Live updates are interrupted.")).to_have_count(0)
    alpha.send("3", beta, "after")
    expect(actions.balance(page)).to_have_text("$8.00")
    for note in ("before", "meanwhile 1", "meanwhile 2", "after"):
        expect(actions.lines(page, note)).to_have_count(1)


def test_every_open_tab_hears_of_it_and_offline_says_so(
    new_page: NewPage, axe: Axe, alpha: Person, beta: Person
) -> None:
    page = new_page(beta, color_scheme="dark")
    other = page.context.new_page()
    other.goto("/activity")
    # A page announces only what arrives after it has read the wallet.
    expect(other.get_by_role("heading", name="No transactions yet")).to_be_visible()
    expect(actions.balance(page)).to_have_text("$0.00")
    alpha.send("4", beta)
    for tab in (page, other):
        expect(actions.toast(tab, f"{alpha.name} sent you $4.00")).to_be_visible()
    page.context.set_offline(True)
    expect(page.get_by_text("You’re offline.")).to_be_visible()
    axe.check(page)
    expect(actions.balance(page)).to_have_text("$4.00")
    page.context.set_offline(False)
    expect(page.get_by_text("You’re offline.")).to_have_count(0)
    alpha.send("1", beta)
    expect(actions.balance(page)).to_have_text("$5.00")
