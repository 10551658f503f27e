"""The signed REST side of the Channels server: trigger, batch, and who is listening."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any
from urllib.parse import parse_qsl

from dev.channels_server import Hub, Receive, Scope, Send, is_channel_name

CLOCK_TOLERANCE_SECONDS = 600
LARGEST_BODY_BYTES = 1_000_000
LARGEST_DATA_BYTES = 10_240
LONGEST_EVENT_NAME = 200
MOST_CHANNELS = 100
MOST_EVENTS_IN_BATCH = 10


class Refused(Exception):
    """An HTTP status and the sentence that is its body, as the real service answers."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


async def answer(hub: Hub, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one HTTP request."""
    try:
        body = await _body(receive)
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        result = _dispatch(hub, scope["method"], scope["path"], dict(query), body)
        status, kind, text = 200, b"application/json", json.dumps(result)
    except Refused as refused:
        status, kind, text = refused.status, b"text/plain; charset=utf-8", f"{refused}\n"
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(b"content-type", kind), (b"content-length", b"%d" % len(text.encode()))],
        }
    )
    await send({"type": "http.response.body", "body": text.encode()})


async def _body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > LARGEST_BODY_BYTES:
            raise Refused(413, "The request is too large")
        if not message.get("more_body"):
            return bytes(body)


def _dispatch(hub: Hub, method: str, path: str, query: dict[str, str], body: bytes) -> object:
    parts = path.strip("/").split("/")
    if parts == [""] and method == "GET":
        return {"status": "ok"}
    if len(parts) < 3 or parts[0] != "apps":
        raise Refused(404, "Not found")
    if parts[1] != hub.app_id:
        raise Refused(404, f"No app with id {parts[1][:40]}")
    _check_signature(hub, method, path, query, body)
    match method, parts[2:]:
        case "POST", ["events"]:
            return _trigger(hub, _object(body))
        case "POST", ["batch_events"]:
            return _trigger_batch(hub, _object(body))
        case "GET", ["channels"]:
            return _channels(hub, query)
        case "GET", ["channels", name]:
            return _channel(hub, name, query)
        case _:
            raise Refused(404, "Not found")


def _check_signature(hub: Hub, method: str, path: str, query: dict[str, str], body: bytes) -> None:
    if query.get("auth_key") != hub.key:
        raise Refused(401, "Unknown auth_key")
    if query.get("auth_version") != "1.0":
        raise Refused(401, "auth_version should be 1.0")
    signed = {name.lower(): value for name, value in query.items() if name != "auth_signature"}
    text = "&".join(f"{name}={signed[name]}" for name in sorted(signed))
    wanted = hub.sign(f"{method}\n{path}\n{text}")
    given = query.get("auth_signature", "")
    if not hmac.compare_digest(wanted.encode(), given.encode()):
        shown = f"{method}\\n{path}\\n{text}"
        raise Refused(
            401, f'Invalid signature: you should have sent HmacSHA256Hex("{shown}", your_secret)'
        )
    try:
        age_seconds = abs(time.time() - int(query.get("auth_timestamp", "")))
    except ValueError:
        raise Refused(401, "auth_timestamp should be a Unix timestamp") from None
    if age_seconds > CLOCK_TOLERANCE_SECONDS:
        raise Refused(401, f"Timestamp expired: not within {CLOCK_TOLERANCE_SECONDS}s of ours")
    given = query.get("body_md5", "")
    if (body or given) and given != hashlib.md5(body).hexdigest():  # noqa: S324 - the protocol's.
        raise Refused(401, "body_md5 does not match the body")


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        raise Refused(400, "The body is not JSON") from None
    if not isinstance(value, dict):
        raise Refused(400, "The body should be a JSON object")
    return value


def _trigger(hub: Hub, event: dict[str, Any]) -> dict[str, object]:
    channels = event.get("channels", [event.get("channel")])
    if not isinstance(channels, list) or not 1 <= len(channels) <= MOST_CHANNELS:
        raise Refused(400, f"An event takes 1 to {MOST_CHANNELS} channels")
    _check_event(event, channels)
    for channel in channels:
        hub.publish(channel, event["name"], event["data"], event.get("socket_id"))
    return _information(hub, channels, event.get("info"))


def _trigger_batch(hub: Hub, request: dict[str, Any]) -> dict[str, object]:
    """All events or none: they are checked before the first one is published."""
    batch = request.get("batch")
    if not isinstance(batch, list) or not all(isinstance(event, dict) for event in batch):
        raise Refused(400, "A batch is a list of events")
    if len(batch) > MOST_EVENTS_IN_BATCH:
        raise Refused(400, f"A batch takes at most {MOST_EVENTS_IN_BATCH} events")
    for event in batch:
        _check_event(event, [event.get("channel")])
    for event in batch:
        hub.publish(event["channel"], event["name"], event["data"], event.get("socket_id"))
    return {}


def _check_event(event: dict[str, Any], channels: list[Any]) -> None:
    name, data = event.get("name"), event.get("data")
    if not isinstance(name, str) or not 1 <= len(name) <= LONGEST_EVENT_NAME:
        raise Refused(400, f"An event's name takes 1 to {LONGEST_EVENT_NAME} characters")
    if not isinstance(data, str):
        raise Refused(400, "An event's data should be a string")
    if len(data.encode()) > LARGEST_DATA_BYTES:
        raise Refused(
            413, f"The data content of this event exceeds the allowed {LARGEST_DATA_BYTES} bytes"
        )
    for channel in channels:
        if not isinstance(channel, str) or not is_channel_name(channel):
            raise Refused(400, f"Invalid channel name {str(channel)[:100]}")


def _information(hub: Hub, channels: list[str], info: object) -> dict[str, object]:
    if not isinstance(info, str) or "subscription_count" not in info.split(","):
        return {}
    counts = hub.occupied()
    return {"channels": {name: {"subscription_count": counts.get(name, 0)} for name in channels}}


def _channels(hub: Hub, query: dict[str, str]) -> dict[str, object]:
    prefix = query.get("filter_by_prefix", "")
    wants_count = "subscription_count" in query.get("info", "").split(",")
    return {
        "channels": {
            name: {"subscription_count": count} if wants_count else {}
            for name, count in hub.occupied().items()
            if name.startswith(prefix)
        }
    }


def _channel(hub: Hub, name: str, query: dict[str, str]) -> dict[str, object]:
    count = hub.occupied().get(name, 0)
    answer: dict[str, object] = {"occupied": count > 0}
    if "subscription_count" in query.get("info", "").split(","):
        answer["subscription_count"] = count
    return answer
