"""What use cases of top-ups require, in the API and in a worker."""

from __future__ import annotations

from typing import Protocol

from application import posting
from domain.top_ups.provider import PaymentProvider


class TopUpServices(posting.PostingServices, Protocol):
    """The services of posting, and the payment provider."""

    @property
    def top_up_provider(self) -> PaymentProvider | None:
        """None where none is configured."""
