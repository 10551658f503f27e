"""Pusher Channels, with the official library: channel authorization and batches of events.

The library is imported only where PUSHER_* is configured.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from settings import Settings

if TYPE_CHECKING:
    import pusher

_TIMEOUT_SECONDS = 5.0
#: What the Channels API takes in one call: events on one channel each, or channels of one event.
MAXIMUM_BATCH = 10
MAXIMUM_CHANNELS = 100


class PusherError(Exception):
    """The events were not accepted."""


class PusherUnavailable(PusherError):
    """The Channels server is unreachable, fails or is too busy (5xx, 429)."""


class PusherRejected(PusherError):
    """The Channels server refused: a wrong key, app or event."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `data` is JSON text."""

    name: str
    data: str


class PusherGateway:
    """An app on a Channels server. Its calls block."""

    def __init__(self, client: pusher.Pusher) -> None:
        self._client = client

    @classmethod
    def from_settings(cls, settings: Settings) -> PusherGateway | None:
        """The gateway that `PUSHER_*` configures; None if nothing is configured."""
        if not settings.pusher_configured:
            return None
        return cls(_client(settings))

    def close(self) -> None:
        """Close idle connections, for which the library has no method."""
        for client in (self._client._pusher_client, self._client._authentication_client):
            client.http.session.close()

    def trigger(self, events: Sequence[Event], channels: Sequence[str]) -> None:
        """Trigger the events on each of the channels, in order; the server has accepted them on return.

        Up to 10 pairs of event and channel are one call; otherwise there is a call for each event and
        100 channels. Raises PusherUnavailable or PusherRejected.
        """
        if len(events) * len(channels) <= MAXIMUM_BATCH:
            batch = [
                {"channel": channel, "name": event.name, "data": event.data}
                for event in events
                for channel in channels
            ]
            _call(self._client.trigger_batch, batch)
            return
        for event in events:
            for start in range(0, len(channels), MAXIMUM_CHANNELS):
                some = list(channels[start : start + MAXIMUM_CHANNELS])
                _call(self._client.trigger, some, event.name, event.data)

    def check(self) -> None:
        """Make a call without effects. Raises PusherUnavailable or PusherRejected."""
        _call(self._client.channels_info)

    def authenticate(self, socket_id: str, channel: str) -> dict[str, str]:
        """The signature that authorizes the socket to join the channel.

        The caller decides who may join. Raises ValueError for a malformed id or channel.
        """
        signed: dict[str, str] = self._client.authenticate(channel=channel, socket_id=socket_id)
        return signed


def _client(settings: Settings) -> pusher.Pusher:
    import pusher.requests

    class Backend(pusher.requests.RequestsBackend):  # type: ignore[misc]
        """The library's backend, with the trusted certificates of the system instead of its own."""

        def __init__(self, client: Any, **options: Any) -> None:
            super().__init__(client, **options)
            self.options["verify"] = True

    assert settings.pusher_secret is not None
    return pusher.Pusher(
        app_id=settings.pusher_app_id,
        key=settings.pusher_key,
        secret=settings.pusher_secret.get_secret_value(),
        ssl=settings.pusher_use_tls,
        host=settings.pusher_host,
        port=settings.pusher_port,
        cluster=settings.pusher_cluster,
        timeout=_TIMEOUT_SECONDS,
        backend=Backend,
    )


def _call(function: Any, *arguments: object) -> None:
    import pusher.errors
    import requests

    try:
        function(*arguments)
    except pusher.errors.PusherBadStatus as error:
        said = str(error)
        if said[:1] == "4" and not said.startswith(("408", "429")):
            raise PusherRejected(said) from None
        raise PusherUnavailable(said) from None
    except (pusher.errors.PusherError, TypeError) as error:
        raise PusherRejected(f"{type(error).__name__}: {error}") from None
    except requests.RequestException as error:
        # Its message contains the URL with the signature.
        raise PusherUnavailable(type(error).__name__) from None
    except json.JSONDecodeError:
        raise PusherUnavailable("the answer is not JSON") from None
    except ValueError as error:
        # The library refuses an event that is too large.
        raise PusherRejected(str(error)) from None
