"""`walletEvents`, as GraphQL answers it."""

from __future__ import annotations

import pytest

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
