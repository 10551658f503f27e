"""The operations of one WebSocket: started, answered message by message, and completed or cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection
from typing import Any, Protocol

import structlog
from graphql import OperationType

from graphql_server import errors, facts
from graphql_server.documents import Operation
from graphql_server.execution import Engine, Event
from graphql_server.requests import GraphQLRequest
from graphql_server.service import Caller, Context

MAXIMUM_OPERATIONS = 50


class Client(Protocol):
    """The client of the socket."""

    async def send(self, message: dict[str, Any]) -> None:
        """Raises OSError if the client is gone or reads nothing."""

    def lose(self) -> None:
        """A message could not be sent because the client has disconnected."""


class Operations:
    """The operations of one client that are in progress.

    They run concurrently, but a query or mutation begins only once the subscriptions sent before it have
    started: a client that subscribes and then reads or changes something misses no event in between.
    """

    __slots__ = (
        "_client",
        "_engine",
        "_facts",
        "_running",
        "_short",
        "_starting",
        "_user_agent",
        "started",
    )

    def __init__(
        self, engine: Engine, known: facts.RequestFacts, user_agent: str | None, client: Client
    ) -> None:
        self._engine = engine
        self._facts = known
        self._user_agent = user_agent
        self._client = client
        self._running: dict[str, asyncio.Task[None]] = {}
        #: Those that end by themselves: queries and mutations.
        self._short: tuple[asyncio.Task[None], ...] = ()
        #: Subscriptions that have not started yet; each future is done when one has, or has ended.
        self._starting: dict[asyncio.Task[None], asyncio.Future[None]] = {}
        #: The number of operations started so far.
        self.started = 0

    def __contains__(self, operation_id: str) -> bool:
        return operation_id in self._running

    async def begin(
        self, operation_id: str, request: GraphQLRequest, caller: Caller | None
    ) -> bool:
        """Start the operation, or send the reason for refusing it; whether it was started.

        Raises OSError if sending fails.
        """
        try:
            if len(self._running) >= MAXIMUM_OPERATIONS:
                raise errors.request_error(
                    f"A socket runs at most {MAXIMUM_OPERATIONS} operations at once: complete one first.",
                    errors.TOO_EXPENSIVE,
                )
            operation = await self._engine.prepare(request, self._facts.client_ip)
        except errors.RequestError as error:
            await self._client.send({"type": "error", "id": operation_id, "payload": error.errors})
            return False
        self.started += 1
        # The document is parsed: do not keep thousands of copies of its text.
        request = request._replace(query="")
        context = self._context(caller)
        before = tuple(self._starting.values())
        task = asyncio.create_task(self._operate(operation_id, operation, request, context, before))
        self._running[operation_id] = task
        if operation.kind is OperationType.SUBSCRIPTION:
            self._starting[task] = asyncio.get_running_loop().create_future()
            task.add_done_callback(self._has_started)
        else:
            self._short = (*self._short, task)
            task.add_done_callback(self._is_done)
        return True

    def complete(self, operation_id: str) -> bool:
        """Cancel the operation at the client's request; whether it was still running."""
        task = self._running.pop(operation_id, None)
        if task is None:
            return False
        task.cancel()
        return True

    async def finish(self, timeout_seconds: float) -> None:
        """Wait at most that long for queries and mutations."""
        if self._short:
            await asyncio.wait(self._short, timeout=timeout_seconds)

    async def break_off(self) -> None:
        """Cancel all operations."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _is_done(self, task: asyncio.Task[None]) -> None:
        self._short = tuple(other for other in self._short if other is not task)

    def _has_started(self, subscription: asyncio.Task[None]) -> None:
        if (started := self._starting.pop(subscription, None)) is not None:
            started.set_result(None)
            # A dictionary does not shrink when its entries are removed.
            self._starting = self._starting or {}

    # ------------------------------------------------ one operation

    def _context(self, caller: Caller | None) -> Context:
        return self._engine.service.context(
            caller,
            client_ip=self._facts.client_ip,
            user_agent=self._user_agent,
            request_id=f"{self._facts.request_id}.{self.started}",
        )

    async def _operate(
        self,
        operation_id: str,
        operation: Operation,
        request: GraphQLRequest,
        context: Context,
        before: Collection[asyncio.Future[None]],
    ) -> None:
        structlog.contextvars.bind_contextvars(request_id=context.request_id)
        failure = None
        try:
            if operation.kind is OperationType.SUBSCRIPTION:
                # A coroutine of its own or `aclosing` would take memory for each idle subscription.
                events = await self._subscribe(operation, request, context)
                try:
                    async for event in events:
                        await self._client.send(_next(operation_id, event.answer))
                finally:
                    self._engine.metrics.subscriptions.dec()
                    await events.aclose()
            else:
                if before:
                    await asyncio.wait(before)
                answer = await self._engine.execute(operation, request, context)
                await self._client.send(_next(operation_id, answer))
        except errors.RequestError as error:
            failure = error.errors
        except OSError:
            self._client.lose()
            return
        except Exception as error:
            failure = errors.internal(error).errors
        # The client may reuse the id as soon as it learns that the operation is complete.
        if self._running.get(operation_id) is asyncio.current_task():
            del self._running[operation_id]
            await self._say_over(operation_id, failure)

    async def _subscribe(
        self, operation: Operation, request: GraphQLRequest, context: Context
    ) -> AsyncGenerator[Event, None]:
        """Start and count a subscription; returns its events."""
        events = await self._engine.subscribe(operation, request, context)
        task = asyncio.current_task()
        assert task is not None
        self._has_started(task)
        self._engine.metrics.subscriptions.inc()
        return events

    async def _say_over(self, operation_id: str, failure: list[dict[str, Any]] | None) -> None:
        message: dict[str, Any] = {"type": "complete", "id": operation_id}
        if failure is not None:
            message = {"type": "error", "id": operation_id, "payload": failure}
        try:
            await self._client.send(message)
        except OSError:
            self._client.lose()


def _next(operation_id: str, answer: dict[str, Any]) -> dict[str, Any]:
    return {"type": "next", "id": operation_id, "payload": answer}
