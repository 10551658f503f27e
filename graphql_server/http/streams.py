"""Operations with a stream of results, which ends with the operation, client, credential or process."""

from __future__ import annotations

import asyncio
import dataclasses
from contextlib import aclosing, suppress
from typing import Any

from graphql import OperationType
from starlette.types import Receive, Scope, Send

from graphql_server import errors, facts
from graphql_server.documents import Operation
from graphql_server.execution import Engine
from graphql_server.http.framings import Framing
from graphql_server.requests import GraphQLRequest
from graphql_server.service import Context

KEEP_ALIVE_SECONDS = 12.0
#: How long a running query or mutation may take to finish on shutdown.
FINISH_SECONDS = 8.0
_NUMBER_MAXIMUM = 2**31 - 1


@dataclasses.dataclass(frozen=True, slots=True)
class Stream:
    """An operation whose results are streamed."""

    operation: Operation
    request: GraphQLRequest
    context: Context
    framing: Framing
    #: The cost of the operation, where each answer is to tell it.
    cost: dict[str, int] | None = None

    async def serve(self, engine: Engine, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream the results. `Last-Event-ID` is the last number received.

        The response begins as soon as the operation has begun, so that its headers say what is left of the
        operation's rate limit.
        """
        request = _resume(
            self.request, self.operation, facts.header(scope["headers"], b"last-event-id")
        )
        running = _Running(
            engine, self.operation, request, self.context, self.framing, send, self.cost
        )
        # The client may be gone.
        with suppress(OSError):
            if scope["method"] == "HEAD":
                await running.begin()
                await send({"type": "http.response.body", "body": b""})
            else:
                await running.run(receive)


@dataclasses.dataclass(slots=True)
class _Running:
    """An open stream."""

    engine: Engine
    operation: Operation
    request: GraphQLRequest
    context: Context
    framing: Framing
    send: Send
    cost: dict[str, int] | None
    _turn: asyncio.Lock = dataclasses.field(default_factory=asyncio.Lock)
    _has_begun: bool = False

    async def begin(self) -> None:
        """Begin the response, unless it has begun."""
        if self._has_begun:
            return
        self._has_begun = True
        headers = [
            (b"content-type", self.framing.content_type),
            (b"cache-control", b"no-store"),
            (b"vary", b"Accept, Origin"),
            # Otherwise nginx would buffer the results.
            (b"x-accel-buffering", b"no"),
            *self.engine.service.response_headers(self.context),
        ]
        await self.send({"type": "http.response.start", "status": 200, "headers": headers})

    async def run(self, receive: Receive) -> None:
        """Raises OSError when the client disconnects."""
        stopping = asyncio.Event()
        stopped = asyncio.create_task(stopping.wait())
        gone = asyncio.create_task(_wait_for_disconnect(receive))
        writing = asyncio.create_task(self._write_answers())
        ended = asyncio.create_task(self._wait_for_end())
        keeping_alive = asyncio.create_task(self._keep_alive())
        try:
            with self.engine.long_lived.lives(stopping.set):
                await asyncio.wait(
                    [writing, gone, ended, stopped], return_when=asyncio.FIRST_COMPLETED
                )
                if self.operation.kind is not OperationType.SUBSCRIPTION:
                    await asyncio.wait(
                        [writing, gone],
                        timeout=FINISH_SECONDS,
                        return_when=asyncio.FIRST_COMPLETED,
                    )
            if gone.done():
                return
            if writing.done():
                writing.result()
            else:
                await _cancel(writing)
                if ended.done():
                    refusal = self.engine.service.refusal(ended.result())
                    assert refusal is not None
                    failure = errors.refused(refusal).errors
                    await self._write(self.framing.failure(failure))
            await self._complete()
        finally:
            for task in (writing, gone, ended, stopped, keeping_alive):
                await _cancel(task)

    async def _write_answers(self) -> None:
        try:
            if self.operation.kind is OperationType.SUBSCRIPTION:
                await self._write_events()
            else:
                answer = await self.engine.execute(self.operation, self.request, self.context)
                await self._write(self.framing.keep_alive)
                await self._next(answer)
        except errors.RequestError as error:
            await self._next({"errors": error.errors})
        except OSError:
            raise
        except Exception as error:
            await self._next({"errors": errors.internal(error).errors})

    async def _write_events(self) -> None:
        subscribed = await self.engine.subscribe(self.operation, self.request, self.context)
        with self.engine.metrics.subscriptions.track_inprogress():
            async with aclosing(subscribed) as events:
                # The first keep-alive tells the client that it receives every event from now on.
                await self._write(self.framing.keep_alive)
                async for event in events:
                    await self._next(event.answer, event.number)

    async def _wait_for_end(self) -> Exception:
        ended: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()

        def note(error: Exception) -> None:
            if not ended.done():
                ended.set_result(error)

        if self.context.principal is None:
            return await ended
        watch = self.engine.service.watch(self.context.principal, note)
        try:
            return await ended
        finally:
            self.engine.service.unwatch(watch)

    async def _keep_alive(self) -> None:
        with suppress(OSError):
            while True:
                await asyncio.sleep(KEEP_ALIVE_SECONDS)
                await self._write(self.framing.keep_alive)

    async def _next(self, payload: dict[str, Any], number: int | None = None) -> None:
        if self.cost is not None:
            payload = {**payload, "extensions": {"cost": self.cost}}
        await self._write(self.framing.result(payload, number))

    async def _complete(self) -> None:
        await self._write(self.framing.closing)
        await self.send({"type": "http.response.body", "body": b""})

    async def _write(self, chunk: bytes) -> None:
        async with self._turn:
            if not self._has_begun:
                await self.begin()
                chunk = self.framing.opening + chunk
            await self.send({"type": "http.response.body", "body": chunk, "more_body": True})


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError, Exception):
        await task


def _resume(
    request: GraphQLRequest, operation: Operation, last_event_id: str | None
) -> GraphQLRequest:
    """The request with `Last-Event-ID`, which takes precedence over the argument in the document."""
    if last_event_id is None or operation.resume_argument is None:
        return request
    if not (last_event_id.isascii() and last_event_id.isdigit() and len(last_event_id) <= 10):
        return request
    number = min(int(last_event_id), _NUMBER_MAXIMUM)
    return request._replace(after_number=number)
