"""Content negotiation: JSON or a stream format."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

RESPONSE_JSON = "application/graphql-response+json"
JSON = "application/json"
EVENT_STREAM = "text/event-stream"
MULTIPART = "multipart/mixed"
HTML = "text/html"
#: The parameter without which `multipart/mixed` means something else, such as parts of one result.
_SUBSCRIPTION_SPEC = ("subscriptionspec", "1.0")


@dataclass(frozen=True, slots=True)
class Accepted:
    """Our media types, in the client's order of preference."""

    #: For a single response; None if the client accepts only streams, or none of our types.
    json: str | None
    #: `text/event-stream` and `multipart/mixed;subscriptionSpec=1.0`, if they were named.
    streams: tuple[str, ...]
    #: Whether a page is preferred to data.
    prefers_html: bool

    @property
    def is_nothing(self) -> bool:
        return self.json is None and not self.streams

    def stream(self, *, is_subscription: bool) -> str | None:
        """The framing of a streamed response; None for a single response.

        Subscriptions are streamed, and everything for clients that accept nothing else: clients list stream
        types for subscriptions, and expect an ordinary response to everything else.
        """
        if not self.streams or not (is_subscription or self.json is None):
            return None
        return self.streams[0]


@lru_cache(maxsize=256)
def negotiate(accept: str | None) -> Accepted:
    """The preferences in that `Accept` header (RFC 9110)."""
    if accept is None or not accept.strip():
        return Accepted(JSON, (), prefers_html=False)
    weights: dict[str, float] = {}
    for part in accept.lower().split(","):
        media_type, *pieces = (piece.strip() for piece in part.split(";"))
        parameters = dict(_parameter(piece) for piece in pieces)
        name, value = _SUBSCRIPTION_SPEC
        if media_type == MULTIPART and parameters.get(name) != value:
            continue
        weights[media_type] = max(weights.get(media_type, 0.0), _weight(parameters.get("q", "1")))
    streams = [one for one in (EVENT_STREAM, MULTIPART) if weights.get(one, 0.0) > 0]
    streams.sort(key=lambda one: -weights[one])
    named = max(weights.get(JSON, 0.0), weights.get(RESPONSE_JSON, 0.0))
    return Accepted(
        _json(weights, has_streams=bool(streams)),
        tuple(streams),
        prefers_html=weights.get(HTML, 0.0) > named,
    )


def _json(weights: dict[str, float], *, has_streams: bool) -> str | None:
    json, response_json = weights.get(JSON, 0.0), weights.get(RESPONSE_JSON, 0.0)
    if response_json > 0 and response_json >= json:
        return RESPONSE_JSON
    if json > 0:
        return JSON
    any_json = max(weights.get("*/*", 0.0), weights.get("application/*", 0.0))
    return JSON if any_json > 0 and not has_streams else None


def _parameter(piece: str) -> tuple[str, str]:
    name, _, value = piece.partition("=")
    return name.strip(), value.strip().strip('"')


def _weight(quality: str) -> float:
    try:
        return float(quality)
    except ValueError:
        return 0.0
