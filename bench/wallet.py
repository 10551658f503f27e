"""The wallet's side of the comparison: its requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bench.comparisons import HOT, MIXED, PAGE, READS, TRANSFERS, Kind
from bench.load import AMOUNT, KEY, RECIPIENT, Request

_SEND = """
mutation Send($input: SendMoneyInput!) {
  sendMoney(input: $input) {
    __typename
    ... on MoneySent {
      transaction { id reference sequence amount { amount currency } balanceAfter { amount } createdAt
        counterparty { id name } }
      viewer { sequence balance { amount currency } }
      replayed
    }
    ... on UserError { message }
  }
}
"""
_READ = """
query Wallet {
  viewer { id email sequence user { id name } balance { amount currency } }
}
"""
_PAGE = """
query Page($after: String) {
  viewer {
    balance { amount currency }
    transactions(first: 20, after: $after) {
      edges {
        cursor
        node { id reference sequence kind direction amount { amount currency } fee { amount }
          counterparty { id name } note balanceAfter { amount } createdAt }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""

SEND = Request(
    _SEND,
    {
        "input": {
            "recipient": {"userId": RECIPIENT},
            "amount": AMOUNT,
            "idempotencyKey": KEY,
        }
    },
    accepted='"MoneySent"',
    moves=True,
)
READ = Request(_READ, {}, accepted='"sequence":')
READ_PAGE = Request(_PAGE, {"after": None}, accepted='"hasNextPage":true')
REQUESTS: Mapping[Kind, Sequence[Request]] = {
    TRANSFERS: [SEND],
    HOT: [SEND],
    READS: [READ],
    PAGE: [READ_PAGE],
    # Four of five are reads.
    MIXED: [SEND, replace(READ, share=4)],
}
