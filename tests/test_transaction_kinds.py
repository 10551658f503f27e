"""Each kind of transaction has everything that a kind needs."""

from __future__ import annotations

import re

import graphql
import pytest

from domain.ledger import kinds
from domain.ledger.kinds import Direction, Kind, Rules
from domain.people.sessions import Scope
from persistence import tables
from persistence.audit import kinds as audit_kinds
from persistence.ledger import kind_conditions
from settings import ROOT

_TEXTS = ROOT / "client/src/features/activity/kinds.ts"


@pytest.mark.parametrize("kind", Kind)
def test_each_kind_has_its_rules_audit_constraint_description_and_texts(kind: Kind) -> None:
    assert kind in kinds.RULES
    assert kind in audit_kinds.AUDITS
    constraints = {constraint.name for constraint in tables.transactions.constraints}
    assert f"transactions_{kind}_check" in constraints
    schema = graphql.build_schema((ROOT / "schema/schema.graphql").read_text())
    enum = schema.type_map["TransactionKind"]
    assert isinstance(enum, graphql.GraphQLEnumType)
    assert enum.values[kind.name].description == kinds.RULES[kind].description
    assert re.search(rf"^  {kind.name}: \{{$", _TEXTS.read_text(), re.MULTILINE)


def test_a_kind_that_no_user_requests_has_no_keys() -> None:
    rules = Rules(
        description="",
        plural="",
        directions=(Direction.OUTGOING, Direction.INCOMING),
        has_counterparty=None,
        requested_by=None,
        scope=Scope.SEND_MONEY,
    )
    assert kind_conditions.condition(rules) == (
        "direction IN ('outgoing', 'incoming') AND idempotency_key IS NULL"
    )
