"""Numbered events that resume by number, over server-sent events."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, TypeVar

import httpx
from httpx_sse import EventSource

from mini_wallet_client import answers, errors
from mini_wallet_client._async.transport import Transport
from mini_wallet_client.operation import Operation
from mini_wallet_client.waiting import _async as waiting

Event = TypeVar("Event")
log = logging.getLogger("mini_wallet_client")

#: The service sends a heartbeat every 12 seconds: a connection that is silent for longer is dead.
SILENCE_SECONDS = 30.0
#: These errors concern the moment; any other is one of the request and would come again.
_TEMPORARY_CODES = {"INTERNAL"}


async def events(
    transport: Transport,
    operation: Operation[Event],
    number_of: Callable[[Event], int],
    after: int,
    epoch: str | None,
) -> AsyncGenerator[Event, None]:
    """Every event after that number of that epoch, each once and in order, for ever.

    The connection is made anew after it was lost, after a restart of the service, and when the access
    token expires. Raises WalletError only where that cannot help: the credential has ended or lacks
    the scope, or the epoch has ended.
    """
    pauses = transport.retries.start()
    sign_ins = transport.sign_ins
    was_refreshed = False
    while True:
        transport.require_same_user(sign_ins)
        bearer = transport.bearer
        failure: errors.TemporaryError | None = None
        given = {"after": after, "epoch": epoch}
        try:
            async with aclosing(_connected(transport, operation, given, bearer)) as stream:
                async for data in stream:
                    was_refreshed = False
                    if data is None:
                        continue
                    pauses.start_over()
                    event = operation.parse(data)
                    if number_of(event) > after:
                        after = number_of(event)
                        yield event
        except errors.Unauthenticated:
            if was_refreshed or transport.session is None or bearer is None:
                raise
            try:
                await transport.refresh(bearer)
                was_refreshed = True
            except errors.TemporaryError as error:
                log.warning("The session could not be refreshed: %s", error)
                failure = error
        except errors.TemporaryError as error:
            log.warning("The stream of %s is interrupted: %s", operation.name, error)
            was_refreshed = False
            failure = error
        except errors.ApiError as error:
            if error.code not in _TEMPORARY_CODES:
                raise
            log.warning("The stream of %s is interrupted: %s", operation.name, error)
        await waiting.sleep(pauses.pause(failure))


async def _connected(
    transport: Transport, operation: Operation[Any], given: dict[str, Any], bearer: str | None
) -> AsyncGenerator[Any, None]:
    """The data of each event of one connection; first None, as soon as it is open."""
    body = {"query": operation.document, "variables": given}
    # A client that accepts only streams would be told nothing but a status.
    accept = "text/event-stream, application/graphql-response+json;q=0.9"
    headers = {"accept": accept, **transport.headers(bearer)}
    timeout = httpx.Timeout(transport.http.timeout.connect, read=SILENCE_SECONDS)
    try:
        async with transport.http.stream(
            "POST", transport.url, json=body, headers=headers, timeout=timeout
        ) as response:
            if not response.headers.get("content-type", "").startswith("text/event-stream"):
                content = await response.aread()
                answers.read(response.status_code, response.headers, content)
                raise errors.UnexpectedAnswer("The answer to a subscription was not a stream.")
            yield None
            async for sent in EventSource(response).aiter_sse():
                if sent.event == "complete":
                    return
                if sent.event == "next":
                    yield answers.data_of(json.loads(sent.data))
    except httpx.RequestError as error:
        raise errors.ConnectionFailed(f"{type(error).__name__} {error}".strip()) from error
