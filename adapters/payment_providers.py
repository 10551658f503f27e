"""The payment provider that the settings name, whose library is imported only then."""

from __future__ import annotations

import importlib

from domain.top_ups.provider import PaymentProvider
from settings import Settings


def configured(settings: Settings) -> PaymentProvider | None:
    """The provider of `TOP_UP_PROVIDER`; None without one."""
    if settings.top_up_provider is None:
        return None
    # By its name, so that nothing imports it for its types either.
    module = importlib.import_module(f"adapters.{settings.top_up_provider}")
    provider: PaymentProvider = module.Stripe.from_settings(settings)
    return provider
