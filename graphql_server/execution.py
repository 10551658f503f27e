"""Runs operations for all transports: limits, execution, and formatting of errors."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import graphql
import strawberry
from graphql import (
    ArgumentNode,
    DocumentNode,
    ExecutionResult,
    FieldNode,
    IntValueNode,
    NameNode,
    OperationType,
    Visitor,
    visit,
)
from graphql.execution import create_source_event_stream, execute_subscription_event
from graphql.execution.values import VariableValues

from graphql_server import compiled, errors, limits
from graphql_server.documents import Documents, Operation
from graphql_server.long_lived import LongLived
from graphql_server.requests import GraphQLRequest
from graphql_server.service import Caller, Context, Metrics, OperationsTable, Quota, Service


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a subscription: its number, even if that was not selected, and its result."""

    number: int | None
    answer: dict[str, Any]


class Engine:
    """The schema with its caches and limits: one per process."""

    def __init__(
        self,
        schema: strawberry.Schema,
        service: Service,
        table: OperationsTable,
        *,
        metrics: Metrics,
        long_lived: LongLived,
        account_streams: Quota,
        socket_messages: int | None = None,
        hardened: bool,
        is_compiled: bool = True,
    ) -> None:
        """`hardened` refuses introspection; without `is_compiled` graphql-core executes everything.

        `socket_messages` is how many messages a minute one socket may send that start no operation.
        """
        self._schema = schema._schema
        self._executor_class = schema.execution_context_class
        self._hardened = hardened
        compiler = None
        if is_compiled:
            compiler = compiled.Compiler(
                self._schema, self._executor_class, hide_suggestions=hardened
            )
        self._documents = Documents(self._schema, compiler, table, hardened=hardened)
        self.service = service
        self.metrics = metrics
        #: The open streams and sockets.
        self.long_lived = long_lived
        #: The number of them per account.
        self.account_streams = account_streams
        self.socket_messages = socket_messages

    async def prepare(self, request: GraphQLRequest, client_ip: str) -> Operation:
        """The requested operation, if it is valid and within the cost limit; otherwise raises RequestError.

        For a client with too many refused requests, only cached documents with valid variables are executed.
        """
        wait = self.service.too_many_refusals(client_ip)
        if wait is not None and not self._documents.knows(request.query):
            raise errors.refused(wait)
        try:
            operation = self._documents.operation(request.query, request.operation_name)
            if wait is not None and not operation.variables.are_ordinary(request.variables or {}):
                raise errors.refused(wait)
            operation.check_cost(self._schema, request.variables or {})
        except errors.RequestError:
            await self.service.count_refusal(client_ip)
            raise
        return operation

    def recognize(self, operation: Operation, authorization: str | None) -> Caller | None:
        """The caller that `authenticate` would return, if it is known without waiting; else None."""
        if authorization is None:
            return None
        return self.service.recognize(authorization, ask_active=not operation.checks_credential)

    async def authenticate(
        self, operation: Operation, authorization: str | None, client_ip: str
    ) -> Caller | None:
        """The caller. Raises RequestError for a bad token, unless the operation only signs in again.

        A query with a header without a token is refused, not executed as if there were no header.
        """
        try:
            return await self.service.authenticate(
                authorization, client_ip, ask_active=not operation.checks_credential
            )
        except Exception as error:
            refusal = self.service.refusal(error)
            if refusal is None:
                raise
            is_lost = (
                refusal.credential is errors.Credential.MISSING
                and operation.kind is OperationType.QUERY
            )
            if refusal.credential and operation.works_signed_out and not is_lost:
                return None
            raise errors.refused(refusal) from None

    async def execute(
        self, operation: Operation, request: GraphQLRequest, context: Context
    ) -> dict[str, Any]:
        """The result of a query or mutation. Raises RequestError if execution could not begin."""
        if operation.is_unguarded:
            await self._limit_unguarded(operation, context)
        try:
            if (plan := operation.plan) is not None:
                return self._answer(await plan.execute(context, request.variables or {}))
            return await self._interpret(operation, request, context)
        except errors.RequestError:
            await self.service.count_refusal(context.client_ip)
            raise

    async def estimate(
        self, operation: Operation, request: GraphQLRequest, context: Context
    ) -> dict[str, Any]:
        """The response for clients that request only the cost. Raises RequestError for invalid variables."""
        await self._limit(self.service.limit_typename, context)
        try:
            return {"data": None, "extensions": {"cost": self.cost(operation, request)}}
        except errors.RequestError:
            await self.service.count_refusal(context.client_ip)
            raise

    def cost(self, operation: Operation, request: GraphQLRequest) -> dict[str, int]:
        """The cost of the operation, and the maximum. Raises RequestError for invalid variables."""
        found = operation.cost(self._schema, request.variables or {})
        if isinstance(found, list):
            raise errors.RequestError(errors.present(found, self.service.refusal))
        return shown_cost(found)

    async def _limit_unguarded(self, operation: Operation, context: Context) -> None:
        """The limits on operations that call no resolver. Raises RequestError."""
        service = self.service
        is_about_schema = bool(operation.root_fields)
        limit = service.limit_introspection if is_about_schema else service.limit_typename
        await self._limit(limit, context)

    async def _limit(
        self, limit: Callable[[Any], Awaitable[None] | None], context: Context
    ) -> None:
        try:
            if (counting := limit(context)) is not None:
                await counting
        except Exception as error:
            refusal = self.service.refusal(error)
            if refusal is None:
                raise
            raise errors.refused(refusal) from None

    async def _interpret(
        self, operation: Operation, request: GraphQLRequest, context: Context
    ) -> dict[str, Any]:
        result: Any = graphql.execute(
            self._schema,
            operation.document,
            None,
            context,
            _plain(request.variables),
            operation.name,
            executor_class=self._executor_class,
            hide_suggestions=self._hardened,
            max_coercion_errors=compiled.MAXIMUM_ERRORS,
        )
        if not isinstance(result, ExecutionResult):
            result = await result
        return self._answer(result)

    async def subscribe(
        self, operation: Operation, request: GraphQLRequest, context: Context
    ) -> AsyncGenerator[Event, None]:
        """The events of a subscription. Raises RequestError if it is refused."""
        try:
            return await self._subscribe(operation, request, context)
        except errors.RequestError:
            await self.service.count_refusal(context.client_ip)
            raise

    async def _subscribe(
        self, operation: Operation, request: GraphQLRequest, context: Context
    ) -> AsyncGenerator[Event, None]:
        document = operation.document
        if request.after_number is not None and operation.resume_argument is not None:
            (field,) = operation.root_fields
            document = _resumed(document, field, operation.resume_argument, request.after_number)
        executor = self._executor_class.build(
            self._schema,
            document,
            None,
            context,
            _plain(request.variables),
            operation.name,
            hide_suggestions=self._hardened,
            max_coercion_errors=compiled.MAXIMUM_ERRORS,
        )
        if isinstance(executor, list):
            raise errors.RequestError(errors.present(executor, self.service.refusal))
        source: Any = create_source_event_stream(executor)
        if not isinstance(source, (ExecutionResult, AsyncIterable)):
            source = await source
        if isinstance(source, ExecutionResult):
            presented = errors.present(source.errors or [], self.service.refusal)
            raise errors.RequestError(presented, errors.http_status(presented))
        if operation.plan is None:
            return self._interpreted(operation, executor, source)
        # Keep only the variables of the executor, since thousands of subscriptions may be open.
        return self._compiled(operation, context, executor.variable_values, source)

    async def _compiled(
        self,
        operation: Operation,
        context: Context,
        variables: VariableValues,
        source: AsyncGenerator[Any, None],
    ) -> AsyncGenerator[Event, None]:
        plan, attribute = operation.plan, operation.number_attribute
        assert plan is not None
        # `aclosing` would take memory for each idle subscription.
        try:
            async for payload in source:
                result = await plan.respond(context, variables, payload)
                yield self._event(attribute, payload, result)
        finally:
            await source.aclose()

    async def _interpreted(
        self, operation: Operation, executor: Any, source: AsyncGenerator[Any, None]
    ) -> AsyncGenerator[Event, None]:
        async with aclosing(source):
            async for payload in source:
                result: Any = execute_subscription_event(executor.build_per_event_executor(payload))
                if not isinstance(result, ExecutionResult):
                    result = await result
                yield self._event(operation.number_attribute, payload, result)

    def _event(self, attribute: str | None, payload: Any, result: ExecutionResult) -> Event:
        number = None if attribute is None else getattr(payload, attribute)
        return Event(number, self._answer(result))

    def _answer(self, result: ExecutionResult) -> dict[str, Any]:
        if not result.errors:
            return {"data": result.data}
        presented = errors.present(result.errors, self.service.refusal)
        if result.data is None and all(error.path is None for error in result.errors):
            raise errors.RequestError(presented)
        return {"data": result.data, "errors": presented}


def shown_cost(requested: int) -> dict[str, int]:
    """`extensions.cost` for an operation with that cost."""
    return {"requested": requested, "maximum": limits.MAXIMUM_COST}


def _resumed(document: DocumentNode, field: str, argument: str, number: int) -> DocumentNode:
    """The document with that number as that argument of the root field."""
    after = ArgumentNode(name=NameNode(value=argument), value=IntValueNode(value=str(number)))

    class Replacing(Visitor):
        def enter_field(self, node: FieldNode, *_: object) -> FieldNode | None:
            if node.name.value != field:
                return None
            return FieldNode(
                alias=node.alias,
                name=node.name,
                arguments=(
                    *(given for given in node.arguments or () if given.name.value != argument),
                    after,
                ),
                directives=node.directives,
                selection_set=node.selection_set,
                loc=node.loc,
            )

    changed: DocumentNode = visit(document, Replacing())
    return changed


def _plain(variables: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return dict(variables) if variables else None
