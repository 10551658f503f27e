"""`walletEvents`, as GraphQL answers it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from resolvers import authentication
from resolvers.request import RequestContext
from tests.resolvers.world import SCHEMA, Someone, World

pytestmark = pytest.mark.anyio

WALLET_EVENTS = """
subscription($after: Int) {
  walletEvents(afterSequence: $after) {
    __typename
    sequence
    balance { amount currency }
    ... on TransactionPosted {
      transaction { sequence kind direction amount { amount } counterparty { name emailHint } note }
    }
  }
}
"""
