"""The served schema contains the whole contract, and describes all of its elements."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import graphql
import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
    is_specified_directive,
)

from resolvers import root
from settings import ROOT

COMMITTED = ROOT / "schema" / "schema.graphql"
CONTRACT = Path(__file__).parent / "contract.graphql"


#: What we serve beyond the contract.
OURS = [
    "ChangePasswordInput(revokeApiTokens: Boolean! = false)",
    "CloseAccountResult = TopUpPending",
    "DataExport, of the kind GraphQLObjectType",
    "DataExportStatus, of the kind GraphQLEnumType",
    "Insights, of the kind GraphQLObjectType",
    "InsightsBalance, of the kind GraphQLObjectType",
    "InsightsMonth, of the kind GraphQLObjectType",
    "InsightsOthers, of the kind GraphQLObjectType",
    "InsightsPerson, of the kind GraphQLObjectType",
    "InsightsResult, of the kind GraphQLUnionType",
    "Mutation.reportSignIn: ReportSignInResult!",
    "OperatorAction.decidedAt: DateTime",
    "OperatorAction.includesFee: Boolean",
    "OperatorAction.reversalReference: ID",
    "OperatorAction.until: DateTime",
    "PasswordChanged.apiTokens: Int!",
    "ReportSignInInput, of the kind GraphQLInputObjectType",
    "ReportSignInResult, of the kind GraphQLUnionType",
    "ResetPasswordInput(challenge: String = None)",
    "ResetPasswordInput(secondFactor: SecondFactorInput = None)",
    "ResetPasswordResult = SecondFactorRequired",
    "ResetPasswordResult = InvalidSecondFactor",
    "SecuritySettings.totpEnabledAt: DateTime",
    "SecuritySettings.totpLastUsedAt: DateTime",
    "SignInReported, of the kind GraphQLObjectType",
    "StartTopUpResult = IdempotencyKeyClosed",
    "Subscription.walletEvents(epoch: ID = None)",
    "Subscription.notifications(epoch: ID = None)",
    "TestWebhookInput(document: String = None)",
    "TopUpPending, of the kind GraphQLObjectType",
    "Transaction.seal: String!",
    "Viewer.epoch: ID!",
    "Viewer.insights: InsightsResult!",
    "Viewer.dataExports: [DataExport!]!",
]


@pytest.fixture(scope="module")
def served() -> GraphQLSchema:
    return build_schema(root.strawberry_schema().as_str())


def _own_types(schema: GraphQLSchema) -> Iterator[graphql.GraphQLNamedType]:
    for name, type_ in schema.type_map.items():
        if not name.startswith("__") and not graphql.is_specified_scalar_type(type_):
            yield type_


def test_the_printed_schema_is_the_committed_one() -> None:
    printed = root.strawberry_schema().as_str()
    assert COMMITTED.read_text() == printed + "\n", (
        "the schema has changed: write it with `./wallet schema > schema/schema.graphql`"
    )


@pytest.fixture(scope="module")
def contract() -> GraphQLSchema:
    return build_schema(CONTRACT.read_text())


def test_all_of_the_contract_is_served(contract: GraphQLSchema, served: GraphQLSchema) -> None:
    assert _missing(contract, served) == []


def test_what_is_served_beyond_the_contract_is_said_here(
    contract: GraphQLSchema, served: GraphQLSchema
) -> None:
    assert _missing(served, contract) == OURS


def test_what_the_contract_describes_is_described_in_its_words(
    contract: GraphQLSchema, served: GraphQLSchema
) -> None:
    ours = dict(_descriptions(served))
    lacking = [
        place
        for place, description in _descriptions(contract)
        if _words(description) not in _words(ours[place])
    ]
    assert lacking == []


def test_everything_is_described(served: GraphQLSchema) -> None:
    undescribed = [
        place for place, description in _descriptions(served) if not (description or "").strip()
    ]
    assert undescribed == []


def _words(text: str | None) -> str:
    return " ".join((text or "").split()).rstrip(".")


def _descriptions(schema: GraphQLSchema) -> Iterator[tuple[str, str | None]]:
    for type_ in _own_types(schema):
        yield type_.name, type_.description
        if isinstance(type_, GraphQLEnumType):
            for name, value in type_.values.items():
                yield f"{type_.name}.{name}", value.description
        if isinstance(type_, GraphQLInputObjectType):
            for name, entry in type_.fields.items():
                yield f"{type_.name}.{name}", entry.description
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for name, field in type_.fields.items():
                yield f"{type_.name}.{name}", field.description
                for argument_name, argument in field.args.items():
                    yield f"{type_.name}.{name}({argument_name})", argument.description
    for directive in schema.directives:
        if not is_specified_directive(directive):
            yield f"@{directive.name}", directive.description


def _missing(wanted: GraphQLSchema, given: GraphQLSchema) -> list[str]:
    """What the one has that the other lacks or has otherwise."""
    missing: list[str] = []
    for operation in ("query_type", "mutation_type", "subscription_type"):
        if str(getattr(wanted, operation)) != str(getattr(given, operation)):
            missing.append(f"the root {operation}")
    for type_ in _own_types(wanted):
        other = given.type_map.get(type_.name)
        if type(other) is not type(type_):
            missing.append(f"{type_.name}, of the kind {type(type_).__name__}")
        else:
            missing += _missing_in_type(type_, other)
    return missing


def _missing_in_type(type_: graphql.GraphQLNamedType, other: graphql.GraphQLNamedType) -> list[str]:
    missing: list[str] = []
    if isinstance(type_, GraphQLUnionType):
        members = {member.name for member in other.types}
        missing += [
            f"{type_.name} = {member}" for member in type_.types if member.name not in members
        ]
    if isinstance(type_, GraphQLEnumType):
        missing += [f"{type_.name}.{name}" for name in type_.values if name not in other.values]
    if isinstance(type_, GraphQLInputObjectType):
        missing += _missing_inputs(type_.name, type_.fields, other.fields)
        if type_.is_one_of != other.is_one_of:
            missing.append(f"{type_.name} @oneOf")
    if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
        names = {interface.name for interface in other.interfaces}
        missing += [
            f"{type_.name} implements {one}" for one in type_.interfaces if one.name not in names
        ]
        for name, field in type_.fields.items():
            served = other.fields.get(name)
            if served is None or str(served.type) != str(field.type):
                missing.append(f"{type_.name}.{name}: {field.type}")
            else:
                missing += _missing_inputs(f"{type_.name}.{name}", field.args, served.args)
    return missing


def _missing_inputs(
    place: str,
    wanted: dict[str, graphql.GraphQLArgument] | dict[str, graphql.GraphQLInputField],
    given: dict[str, graphql.GraphQLArgument] | dict[str, graphql.GraphQLInputField],
) -> list[str]:
    missing = [
        f"{place}({name}: {one.type} = {_default(one)})"
        for name, one in wanted.items()
        if name not in given
        or str(given[name].type) != str(one.type)
        or _default(given[name]) != _default(one)
    ]
    added = [name for name in given if name not in wanted]
    return missing + [f"{place} demands {name}" for name in added if _is_required(given[name])]


def _default(one: graphql.GraphQLArgument | graphql.GraphQLInputField) -> str | None:
    return graphql.print_ast(one.default.literal) if one.default else None


def _is_required(one: graphql.GraphQLArgument | graphql.GraphQLInputField) -> bool:
    return graphql.is_non_null_type(one.type) and one.default is None
