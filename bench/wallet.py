"""The wallet's side of the comparison: what its clients ask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

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
)
READ = Request(_READ, {}, accepted='"sequence":')
#: Of five requests, four read.
MIXED: Sequence[Request] = (replace(SEND, share=1), replace(READ, share=4))
