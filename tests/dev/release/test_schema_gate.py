"""What the schema gate lets through and what not, by real examples of each kind of change."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from graphql import build_schema

from dev.release import documents, gate, schema_gate
from dev.release.schema_gate import Severity

RELEASED = """
directive @cost(units: Int = 1) repeatable on FIELD_DEFINITION | OBJECT
scalar Decimal
interface UserError { message: String! }
interface Node { id: ID! }
enum Kind { TRANSFER TOP_UP }
type Sent { reference: ID!, amount: Decimal! }
type TooMuch implements UserError { message: String! }
type Refused implements UserError { message: String! }
union SendResult = Sent | TooMuch | Refused
input SendInput { amount: Decimal!, note: String, kind: Kind! = TRANSFER, urgent: Boolean = false }
input Recipient { id: ID, email: String }
type Query {
  find(text: String!, first: Int! = 20, kind: Kind): [Sent!]!
  rate: Decimal
  refused: Refused
  sent: Sent
  node: Node
}
type Mutation { send(input: SendInput!, to: Recipient): SendResult! }
"""
BREAKING = {
    "Query.rate": ("  rate: Decimal\n", ""),
    "Query.find": ("[Sent!]!", "[Sent]!"),
    "Sent.amount": ("reference: ID!, amount: Decimal!", "reference: ID!, amount: Decimal"),
    "Query.find(kind:)": (", kind: Kind)", ")"),
    "Query.find(after:)": (", kind: Kind)", ", kind: Kind, after: ID!)"),
    "Query.find(text:)": ("text: String!,", "text: ID!,"),
    "Query.find(first:)": ("first: Int! = 20", "first: Int!"),
    "SendInput.note": ("note: String", "note: String!"),
    "SendInput.key": ("note: String", "note: String, key: ID!"),
    "SendInput.urgent": (", urgent: Boolean = false", ""),
    "SendInput.kind": ("kind: Kind! = TRANSFER", "kind: Kind!"),
    "Kind.TOP_UP": ("TRANSFER TOP_UP", "TRANSFER"),
    "SendResult = TooMuch": ("Sent | TooMuch |", "Sent |"),
    "TooMuch implements UserError": ("type TooMuch implements UserError", "type TooMuch"),
    "Recipient": ("input Recipient", "input Recipient @oneOf"),
    "Decimal": ("scalar Decimal", "enum Decimal { ONE }"),
    "Mutation": ("type Mutation", "schema { query: Query }\ntype Other"),
    "@cost": (" on FIELD_DEFINITION | OBJECT", " on OBJECT"),
    "@cost(units:)": ("(units: Int = 1)", ""),
}
DANGEROUS = {
    "Kind.REVERSAL": ("TRANSFER TOP_UP", "TRANSFER TOP_UP REVERSAL"),
    "SendResult = Later": (
        "union SendResult =",
        "type Later { at: ID }\nunion SendResult = Later |",
    ),
    "Sent implements Node": ("type Sent {", "type Sent implements Node { id: ID!, "),
    "Query.find(after:)": (", kind: Kind)", ", kind: Kind, after: ID)"),
    "Query.find(first:)": ("first: Int! = 20", "first: Int! = 50"),
    "SendInput.urgent": ("urgent: Boolean = false", "urgent: Boolean = true"),
    "SendInput.key": ("note: String", "note: String, key: ID"),
}
HARMLESS = [
    ("type Query {", 'type Query {\n  "When."\n  time: String'),
    ("[Sent!]!", '[Sent!]! @deprecated(reason: "since 2026-11-28, until 2027-02-28")'),
    ("rate: Decimal", "rate: Decimal!"),
    ("text: String!,", "text: String,"),
    ("input SendInput {", '"What is sent."\ninput SendInput {'),
    ("type Query {", "type Query { other: Other }\ntype Other { id: ID }\nextend type Query {"),
]
TODAY = date(2026, 12, 1)


def changed(old: str, new: str) -> list[schema_gate.Change]:
    assert RELEASED.count(old) == 1, old
    return schema_gate.changes(build_schema(RELEASED), build_schema(RELEASED.replace(old, new)))


@pytest.mark.parametrize("subject", BREAKING)
def test_a_breaking_change_is_found_and_needs_an_announcement(subject: str) -> None:
    found = changed(*BREAKING[subject])
    assert {(each.subject, each.severity) for each in found if each.severity > 1} >= {
        (subject, Severity.BREAKING)
    }
    refused = schema_gate.unannounced(found, [])
    assert any(f"- `{subject}`: what clients do now" in sentence for sentence in refused)
    risky = [each.subject for each in found if each.severity >= Severity.DANGEROUS]
    assert schema_gate.unannounced(found, risky) == []


@pytest.mark.parametrize("subject", DANGEROUS)
def test_a_dangerous_change_needs_an_announcement_too(subject: str) -> None:
    found = changed(*DANGEROUS[subject])
    risky = [each for each in found if each.severity >= Severity.DANGEROUS]
    assert [(each.subject, each.severity) for each in risky] == [(subject, Severity.DANGEROUS)]
    [refused] = schema_gate.unannounced(found, [])
    assert f"- `{subject}`: what clients do now" in refused
    assert schema_gate.unannounced(found, [subject]) == []


@pytest.mark.parametrize("change", HARMLESS, ids=lambda change: change[1])
def test_additions_loosened_types_and_descriptions_need_none(change: tuple[str, str]) -> None:
    found = changed(*change)
    assert schema_gate.unannounced(found, []) == []


def test_an_announcement_of_what_has_not_changed_is_refused() -> None:
    found = changed(*BREAKING["Query.rate"])
    [refused] = schema_gate.unannounced(found, ["Query.rate", "Query.sent"])
    assert "announces `Query.sent`" in refused


def test_documents_of_released_clients_must_remain_valid_even_if_the_change_is_announced() -> None:
    sent = {
        "client/src/rates.ts": ["query Rate { rate }"],
        "client/src/send.ts": ["mutation Send($input: SendInput!) { send(input: $input) { __typename } }"],
    }  # fmt: skip
    assert schema_gate.broken_documents(sent, build_schema(RELEASED)) == []
    [refused] = schema_gate.broken_documents(
        sent, build_schema(RELEASED.replace("  rate: Decimal\n", ""))
    )
    assert "client/src/rates.ts" in refused
    assert "Cannot query field 'rate'" in refused


def deprecated(reason: str, place: str = "rate: Decimal") -> str:
    return RELEASED.replace(place, f'{place} @deprecated(reason: "{reason}")')


@pytest.mark.parametrize(
    ("reason", "complaint"),
    [
        ("Use `find`.", "lacks dates"),
        ("Deprecated since 2026-12-01.", "lacks dates"),
        ("Deprecated since 2026-12-01, served until 2027-13-01.", "lacks dates"),
        ("Deprecated since 2026-12-01, served until 2027-02-28.", "less than 3 months"),
        ("Deprecated since 2026-11-30, served until 2027-02-27.", "less than 3 months"),
    ],
)
@pytest.mark.parametrize(
    ("place", "name"),
    [("rate: Decimal", "Query.rate"), ("note: String", "SendInput.note"),
     ("TRANSFER TOP_UP", "Kind.TOP_UP"), ("kind: Kind", "Query.find(kind:)")],
)  # fmt: skip
def test_a_deprecation_without_its_dates_is_refused(
    reason: str, complaint: str, place: str, name: str
) -> None:
    source = RELEASED.replace(f"{place})", f'{place} @deprecated(reason: "{reason}"))')
    if source == RELEASED:
        source = deprecated(reason, place)
    [refused] = schema_gate.deprecation_problems(build_schema(source), None, TODAY)
    assert f"The deprecation of {name} " in refused
    assert complaint in refused


@pytest.mark.parametrize(
    "dates",
    ["since 2026-12-01, served until 2027-03-01", "since 2026-11-30, served until 2027-02-28"],
)
def test_a_deprecation_of_three_months_is_accepted(dates: str) -> None:
    present = build_schema(deprecated(f"Use `find`. Deprecated {dates} at least."))
    assert schema_gate.deprecation_problems(present, build_schema(RELEASED), TODAY) == []


def test_what_is_deprecated_is_served_until_the_end_that_was_released() -> None:
    promise = "Deprecated since 2026-11-01, served until 2027-03-01 at least."
    released = build_schema(deprecated(promise))
    removed = build_schema(RELEASED.replace("  rate: Decimal\n", ""))
    [refused] = schema_gate.deprecation_problems(removed, released, date(2027, 2, 28))
    assert "the promise to serve it until 2027-03-01" in refused
    assert schema_gate.deprecation_problems(removed, released, date(2027, 3, 1)) == []
    sooner = build_schema(deprecated(promise.replace("03-01", "02-01")))
    [refused] = schema_gate.deprecation_problems(sooner, released, TODAY)
    assert "which is now 2027-02-01" in refused
    later = build_schema(deprecated(promise.replace("03-01", "06-01")))
    for kept in (later, build_schema(RELEASED)):
        assert schema_gate.deprecation_problems(kept, released, TODAY) == []


@pytest.mark.parametrize("folder", ["client/src/", "clients/documents/"])
def test_the_documents_of_the_clients_are_those_that_they_send(folder: str) -> None:
    found = documents.of_clients()
    texts = [text for file, each in found.items() if file.startswith(folder) for text in each]
    assert any("subscription" in text and "walletEvents" in text for text in texts)
    assert any("mutation" in text and "sendMoney" in text for text in texts)
    present = build_schema(gate.PRESENT.read_text())
    assert schema_gate.broken_documents(found, present) == []


def test_nothing_breaks_clients_of_the_last_release_without_an_announcement() -> None:
    problems = gate.problems(datetime.now(UTC).date())
    assert problems == [], "\n".join(problems)
