"""Money added through the service's payment provider.

Derived from `_async/top_ups.py` by `python -m clients.generate`: do not edit.
"""

from __future__ import annotations

from collections.abc import Generator

from mini_wallet_client import documents, models
from mini_wallet_client._sync.base import Part
from mini_wallet_client.values import Amount, exact, new_key


class TopUps(Part):
    """Top-ups of one wallet."""

    def start_top_up(
        self,
        amount: Amount,
        *,
        key: str | None = None,
        give_up_after_seconds: float | None = None,
    ) -> models.StartTopUpResult:
        """Start a top-up, to be paid at its `checkout_url`; the balance is credited afterwards.

        A key never starts twice, and a lost answer is asked for again. Raises OutcomeUnknown, which has
        the key.
        """
        given = {"amount": exact(amount), "idempotencyKey": key or new_key()}
        return self._transport.once_per_key(
            documents.START_TOP_UP, given, give_up_after_seconds=give_up_after_seconds
        )

    def top_ups(self, *, page_size: int = 100) -> Generator[models.TopUp, None]:
        """All top-ups, newest first."""
        for node in self._pages(documents.TOP_UPS, {"first": page_size}):
            yield node
