"""Client for Mini Wallet: exact amounts, payments that are sent once, events that resume."""

from mini_wallet_client import models
from mini_wallet_client._async.wallet import AsyncWallet
from mini_wallet_client._sync.wallet import Wallet
from mini_wallet_client.errors import (
    ApiError,
    ConnectionFailed,
    Forbidden,
    InvalidSignature,
    OutcomeUnknown,
    RateLimited,
    TemporaryError,
    Unauthenticated,
    Unavailable,
    UnexpectedAnswer,
    WalletError,
)
from mini_wallet_client.inputs import Confirmation
from mini_wallet_client.models import *  # noqa: F403 - all types of the API
from mini_wallet_client.retries import Retries
from mini_wallet_client.sessions import Session
from mini_wallet_client.values import Amount, Money, UserError, new_key
from mini_wallet_client.webhooks import WebhookEvent, verify_webhook

__all__ = [
    "Amount",
    "ApiError",
    "AsyncWallet",
    "Confirmation",
    "ConnectionFailed",
    "Forbidden",
    "InvalidSignature",
    "Money",
    "OutcomeUnknown",
    "RateLimited",
    "Retries",
    "Session",
    "TemporaryError",
    "Unauthenticated",
    "Unavailable",
    "UnexpectedAnswer",
    "UserError",
    "Wallet",
    "WalletError",
    "WebhookEvent",
    "new_key",
    "verify_webhook",
]
__all__ += models.__all__
