"""Money added through the service's payment provider."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from mini_wallet_client import documents, models
from mini_wallet_client._async.base import Part
from mini_wallet_client.values import Amount, exact, new_key


class TopUps(Part):
    """Top-ups of one wallet."""

    async def start_top_up(
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
        return await self._transport.once_per_key(
            documents.START_TOP_UP, given, give_up_after_seconds=give_up_after_seconds
        )

    async def top_ups(self, *, page_size: int = 100) -> AsyncGenerator[models.TopUp, None]:
        """All top-ups, newest first."""
        async for node in self._pages(documents.TOP_UPS, {"first": page_size}):
            yield node
