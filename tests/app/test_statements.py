"""Files of statements, downloaded from the running service by links."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pypdf
import pytest

from domain.statements import links
from tests.app.conftest import BETA, GAMMA, Api
from tests.domain.statements import reading

STATEMENT = """
query ($from: Date!, $to: Date!) {
  viewer {
    email
    user { name }
    transactions(first: 100) {
      nodes { reference direction amount { amount } fee { amount } balanceAfter { amount } seal }
    }
    statement(from: $from, to: $to) {
      ... on Statement {
        transactionCount openingBalance { amount } closingBalance { amount }
        pdf: download(format: PDF) csv: download(format: CSV)
        ofx: download(format: OFX) camt: download(format: CAMT_053)
      }
      ... on UserError { message }
    }
  }
}
"""
SEND = """
mutation ($input: SendMoneyInput!) {
  sendMoney(input: $input) { __typename ... on UserError { message } }
}
"""
TODAY = datetime.now(UTC).date()
DAYS = {"from": (TODAY - timedelta(days=30)).isoformat(), "to": TODAY.isoformat()}
MEDIA_TYPES = {
    "pdf": "application/pdf",
    "csv": "text/csv; charset=utf-8; header=present",
    "ofx": "application/x-ofx",
    "camt": "application/xml; charset=utf-8",
}


def read(api: Api, token: str) -> Any:
    """The viewer and the statement of the last days."""
    # Tests that take a while end on another day.
    return api.data(STATEMENT, {**DAYS, "to": datetime.now(UTC).date().isoformat()}, token=token)[
        "viewer"
    ]


def path_of(link: str) -> str:
    """The path under APP_URL, which is not where the tests' service is."""
    return link[link.index(links.PATH) :]


def pdf_amounts(content: bytes) -> tuple[str, list[Decimal]]:
    """The text of the PDF, and the numbers in it that are amounts."""
    text = "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages)
    found = re.findall(r"\u2212?[\d,]+\.\d\d\b", text)
    return text, [Decimal(each.replace(",", "").replace("\u2212", "-")) for each in found]


def test_all_files_say_what_the_ledger_says_to_the_cent(api: Api) -> None:
    token = api.sign_in(GAMMA)
    api.add_balance(token, "1234.56")
    for amount, note in (("0.01", "a cent"), ("99.99", "=1+2"), ("1000.00", "שכר דירה")):
        given = {"recipient": {"email": BETA}, "amount": amount, "note": note}
        key = f"statement-{amount:>08}"
        sent = api.data(SEND, {"input": {**given, "idempotencyKey": key}}, token=token)
        assert sent["sendMoney"]["__typename"] == "MoneySent"
    viewer = read(api, token)
    statement, ledger = viewer["statement"], viewer["transactions"]["nodes"][::-1]
    # Entries that follow are not in the files of that statement.
    api.add_balance(token, "7.77")
    files = {name: api.client.get(path_of(statement[name])) for name in MEDIA_TYPES}

    signs = {"INCOMING": 1, "OUTGOING": -1}
    amounts = {
        each["reference"]: signs[each["direction"]] * Decimal(each["amount"]["amount"])
        - Decimal(each["fee"]["amount"])
        for each in ledger
    }
    assert statement["transactionCount"] == len(ledger) == len(amounts)
    opening = Decimal(statement["openingBalance"]["amount"])
    closing = Decimal(statement["closingBalance"]["amount"])
    assert opening + sum(amounts.values()) == closing
    for name, parse in (
        ("csv", reading.csv_statement),
        ("ofx", reading.ofx_statement),
        ("camt", reading.camt053_statement),
    ):
        found = parse(files[name].content)
        assert {str(key): value for key, value in found.amounts.items()} == amounts, name
        assert (found.opening, found.closing) == (opening, closing), name
        assert found.seal == ledger[-1]["seal"], name
    text, numbers = pdf_amounts(files["pdf"].content)
    shown = [
        number
        for each in ledger
        for number in (amounts[each["reference"]], Decimal(each["balanceAfter"]["amount"]))
    ]
    place = numbers.index(closing) + 1
    assert numbers[place:] == [*shown, closing]
    assert numbers[0] == opening
    said = ["User Gamma", GAMMA, "UTC", "Page 1 of 1", "To User Beta", "=1+2"]
    assert [each for each in said if each not in text] == []
    assert ledger[-1]["seal"] in text.replace("\n", "")

    for name, answer in files.items():
        assert answer.status_code == 200
        assert answer.headers["content-type"] == MEDIA_TYPES[name]
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "set-cookie" not in answer.headers
        suffix = {"camt": "xml"}.get(name, name)
        wanted = rf'attachment; filename="statement-{DAYS["from"]}-to-[\d-]+\.{suffix}"'
        assert re.fullmatch(wanted, answer.headers["content-disposition"])
    head = api.client.head(path_of(statement["csv"]))
    assert (head.status_code, head.content) == (200, b"")
    assert "content-length" not in head.headers
    assert head.headers["content-disposition"] == files["csv"].headers["content-disposition"]


def test_a_link_works_for_minutes_while_its_session_is_active_and_no_other_does(
    api: Api, capfd: pytest.CaptureFixture[str]
) -> None:
    token = api.sign_in(BETA)
    path = path_of(read(api, token)["statement"]["csv"])
    assert api.client.get(path).status_code == 200
    assert api.client.post(path).status_code == 405
    keys = links.keyring(api.settings.jwt_secrets)
    link = links.read(path.removeprefix(links.PATH), keys, datetime.now(UTC))

    def get(made: links.Link) -> httpx.Response:
        return api.client.get(f"{links.PATH}{links.render(made, keys)}")

    assert get(link).status_code == 200
    late = get(replace(link, created_at=link.created_at - links.LIFETIME))
    assert (late.status_code, late.text) == (410, links.LinkExpired().message + "\n")
    assert api.client.get(path[:-4] + "AAAA").status_code == 404
    assert api.client.get(links.PATH + "x").status_code == 404
    api.data("mutation { logout(input: {}) { __typename } }", token=token)
    ended = api.client.get(path)
    assert (ended.status_code, ended.headers["cache-control"]) == (403, "no-store")
    assert path not in capfd.readouterr().out


def test_downloads_are_limited(start_api: Callable[..., Api]) -> None:
    limited = start_api(rate_limit_factor=0.02)
    answers = [limited.client.get(links.PATH + "x") for _ in range(6)]
    assert (answers[0].status_code, answers[-1].status_code) == (404, 429)
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert answers[-1].headers["ratelimit-policy"].startswith('"statements.client"')
