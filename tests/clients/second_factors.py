"""A user with an authenticator app, for both clients."""

from __future__ import annotations

from dataclasses import dataclass

import pyotp

from mini_wallet_client import Wallet
from tests.app.conftest import Api
from tests.clients.conftest import signed_in
from tests.clients.people import register

_BEGIN = "mutation { beginTotp { challenge secret } }"
_ENABLE = """
mutation ($input: EnableTotpInput!) { enableTotp(input: $input) {
  ... on SecondFactorEnabled { recoveryCodes } ... on UserError { message } } }
"""


@dataclass
class Owner:
    """Signed in, with 20.00, ten recovery codes and nobody paid so far."""

    wallet: Wallet
    recovery_codes: list[str]


def new_owner(api: Api, url: str, name: str) -> Owner:
    """A new user, who uses the service at that address."""
    [email] = register(api.settings, [name])
    wallet = signed_in(url, email)
    wallet.add_balance(20)
    begun = wallet.execute(_BEGIN)["beginTotp"]
    code = pyotp.TOTP(begun["secret"]).now()
    enabled = wallet.execute(_ENABLE, {"input": {"challenge": begun["challenge"], "code": code}})
    return Owner(wallet, enabled["enableTotp"]["recoveryCodes"])
