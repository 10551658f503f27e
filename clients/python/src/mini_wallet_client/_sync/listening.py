"""What happens to a wallet, as it happens.

Derived from `_async/listening.py` by `python -m clients.generate`: do not edit.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing

from mini_wallet_client import documents, models
from mini_wallet_client._sync import streams
from mini_wallet_client._sync.base import Part


class Listening(Part):
    """The events and notifications of one wallet."""

    def epoch(self) -> str:
        """In which epoch numbers are assigned at present. It changes only when the service is restored to an
        earlier point in time: store it with the number of the last event, to resume with both.
        """
        return self._transport.execute(documents.EPOCH)

    def events(
        self, after: int | None = None, *, epoch: str | None = None
    ) -> Generator[models.AnyWalletEvent, None]:
        """Every change of the wallet after that sequence, each once and in order, for ever.

        Store the `sequence` of the last event that was processed, and give it to resume, with the `epoch` in
        which it was assigned. Without a sequence, events begin with the next one. The stream reconnects by
        itself, however long that takes. Raises ApiError with the reason EPOCH_ENDED if the service was
        restored to an earlier point in time: read everything again.
        """
        if after is None:
            epoch = self.epoch()
            after = self._transport.execute(documents.SEQUENCE)
        found = streams.events(
            self._transport, documents.WALLET_EVENTS, lambda event: event.sequence, after, epoch
        )
        with closing(found) as stream:
            for event in stream:
                yield event

    def notifications(
        self, after: int | None = None, *, epoch: str | None = None
    ) -> Generator[models.Notification, None]:
        """Every notification after that number, as `events` gives every event after a sequence."""
        if after is None:
            epoch = self.epoch()
            page = self._transport.execute(documents.NOTIFICATION_PAGES, {"first": 1})
            after = page.nodes[0].number if page.nodes else 0
        found = streams.events(
            self._transport, documents.NOTIFICATIONS, lambda one: one.number, after, epoch
        )
        with closing(found) as stream:
            for notification in stream:
                yield notification
