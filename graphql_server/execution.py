"""Runs operations for every transport alike: limits, execution, and errors made presentable."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Mapping
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

from app.http.edge import Quota
from app.telemetry.metrics import Metrics
from application import authentication
from application.services import Services
from domain import errors as domain_errors
from domain.people import sessions
from graphql_server import compiled, errors
from graphql_server.documents import Documents, Operation
from graphql_server.long_lived import LongLived
from resolvers import guards
from resolvers.request import RequestContext

#: What a person who is signed out, or whose token is out of date, needs to sign in again: a bad
#: `Authorization` does not stand in the way of a request for these alone.
_SIGNED_OUT_FIELDS = frozenset(
    {
        "__schema",
        "__type",
        "login",
        "refreshSession",
        "register",
        "requestPasswordReset",
        "resendVerificationEmail",
        "resetPassword",
        "verifyEmail",
        "wallet",
    }
)

_INTROSPECTION = frozenset({"__schema", "__type"})
#: The subscription whose events are numbered.
RESUMABLE_FIELD = "walletEvents"
#: These read whether the credential is active in the transaction that moves the money.
_SETTLED_FIELDS = frozenset({"addBalance", "sendMoney"})


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """What a client sent, whichever way."""

    query: str
    operation_name: str | None = None
    variables: Mapping[str, Any] | None = None
    #: `Last-Event-ID` of a stream that resumes: outweighs the argument `afterSequence`.
    after_sequence: int | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a subscription: its sequence, whether or not that was selected, and the answer."""

    sequence: int | None
    answer: dict[str, Any]


def read_request(parameters: Any) -> GraphQLRequest:
    """The parameters of the draft, checked. Raises RequestError for those that are wrong."""
    if isinstance(parameters, list):
        raise errors.request_error(
            "Batches are not supported: send one operation a request.", errors.BAD_USER_INPUT
        )
    if not isinstance(parameters, dict):
        raise errors.request_error(
            "The request is not a JSON object with a `query`.", errors.BAD_USER_INPUT
        )
    query = parameters.get("query")
    extensions = parameters.get("extensions")
    if query is None and isinstance(extensions, dict) and "persistedQuery" in extensions:
        # Clients of automatic persisted queries look for this message or this code, and then send
        # the document itself.
        raise errors.request_error(
            "PersistedQueryNotSupported", errors.PERSISTED_QUERY_NOT_SUPPORTED
        )
    if not isinstance(query, str) or not query:
        raise errors.request_error(
            "`query` is missing: it takes the text of a GraphQL document.", errors.BAD_USER_INPUT
        )
    name = parameters.get("operationName")
    if name is not None and not isinstance(name, str):
        raise errors.request_error("`operationName` takes a string.", errors.BAD_USER_INPUT)
    variables = parameters.get("variables")
    if variables is not None and not isinstance(variables, dict):
        raise errors.request_error("`variables` takes a JSON object.", errors.BAD_USER_INPUT)
    if extensions is not None and not isinstance(extensions, dict):
        raise errors.request_error("`extensions` takes a JSON object.", errors.BAD_USER_INPUT)
    return GraphQLRequest(query, name, variables)


class Engine:
    """The schema with its caches and limits: one a process."""

    def __init__(
        self,
        schema: strawberry.Schema,
        services: Services,
        metrics: Metrics,
        long_lived: LongLived,
        account_streams: Quota,
        *,
        hardened: bool,
        is_compiled: bool = True,
    ) -> None:
        """`hardened` refuses introspection; without `is_compiled` graphql-core executes everything."""
        self._schema = schema._schema
        self._executor_class = schema.execution_context_class
        self._hardened = hardened
        compiler = None
        if is_compiled:
            compiler = compiled.Compiler(
                self._schema, self._executor_class, hide_suggestions=hardened
            )
        self._documents = Documents(self._schema, compiler, hardened=hardened)
        self.services = services
        self.metrics = metrics
        #: The streams and sockets on which operations go on.
        self.long_lived = long_lived
        #: Of those, how many each account has.
        self.account_streams = account_streams

    async def prepare(self, request: GraphQLRequest, client_ip: str) -> Operation:
        """The operation asked for, valid and affordable. Raises RequestError otherwise.

        A client that is refused too often gets answers to known documents with good variables alone.
        """
        allowance, client = self.services.refusal_allowance, guards.network(client_ip)
        wait = allowance.refused_seconds(client)
        if wait and not self._documents.knows(request.query):
            raise errors.refused(domain_errors.RateLimited(wait))
        try:
            operation = self._documents.operation(request.query, request.operation_name)
            if wait and not operation.variables.are_ordinary(request.variables or {}):
                raise errors.refused(domain_errors.RateLimited(wait))
            operation.check_cost(self._schema, request.variables or {})
        except errors.RequestError:
            await self.services.count_refusal(client)
            raise
        return operation

    async def authenticate(
        self, operation: Operation, authorization: str | None, client_ip: str
    ) -> sessions.Principal | None:
        """Who asks. Raises RequestError for a bad token, unless signing in anew is all that is asked.

        A query with a header that carries no token is not answered as if there were no header.
        """
        try:
            return await authentication.authenticate(
                self.services,
                authorization,
                guards.network(client_ip),
                ask_active=not operation.root_fields <= _SETTLED_FIELDS,
            )
        except domain_errors.Unauthenticated as error:
            is_lost = isinstance(error, sessions.NotABearer)
            if is_lost and operation.kind is OperationType.QUERY:
                raise errors.refused(error) from None
            if operation.root_fields and operation.root_fields <= _SIGNED_OUT_FIELDS:
                return None
            raise errors.refused(error) from None
        except domain_errors.DomainError as error:
            raise errors.refused(error) from None

    async def execute(
        self, operation: Operation, request: GraphQLRequest, context: RequestContext
    ) -> dict[str, Any]:
        """The answer to a query or mutation. Raises RequestError where execution could not begin."""
        await _limit_unguarded(operation, context)
        try:
            return await self._execute(operation, request, context)
        except errors.RequestError:
            await self.services.count_refusal(guards.network(context.client_ip))
            raise

    async def _execute(
        self, operation: Operation, request: GraphQLRequest, context: RequestContext
    ) -> dict[str, Any]:
        if operation.plan is not None:
            return _answer(await operation.plan.execute(context, request.variables or {}))
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
        return _answer(result)

    async def subscribe(
        self, operation: Operation, request: GraphQLRequest, context: RequestContext
    ) -> AsyncGenerator[Event, None]:
        """The events of a subscription. Raises RequestError where it was refused."""
        try:
            return await self._subscribe(operation, request, context)
        except errors.RequestError:
            await self.services.count_refusal(guards.network(context.client_ip))
            raise

    async def _subscribe(
        self, operation: Operation, request: GraphQLRequest, context: RequestContext
    ) -> AsyncGenerator[Event, None]:
        document = operation.document
        if request.after_sequence is not None:
            document = _with_after_sequence(document, request.after_sequence)
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
            raise errors.RequestError(errors.present(executor))
        source: Any = create_source_event_stream(executor)
        if not isinstance(source, (ExecutionResult, AsyncIterable)):
            source = await source
        if isinstance(source, ExecutionResult):
            presented = errors.present(source.errors or [])
            raise errors.RequestError(presented, errors.http_status(presented))
        if operation.plan is None:
            return _interpreted(executor, source)
        # Nothing but its variables is kept of the executor: thousands of subscriptions wait.
        return _compiled(operation.plan, context, executor.variable_values, source)


async def _limit_unguarded(operation: Operation, context: RequestContext) -> None:
    """The limit on operations without a root field of ours. Raises RequestError."""
    if operation.root_fields and not operation.root_fields & _INTROSPECTION:
        return
    limit = guards.introspection if operation.root_fields else guards.typename
    try:
        if (counting := limit(context)) is not None:
            await counting
    except domain_errors.RateLimited as error:
        raise errors.refused(error) from None


async def _compiled(
    plan: compiled.Plan,
    context: RequestContext,
    variables: VariableValues,
    source: AsyncGenerator[Any, None],
) -> AsyncGenerator[Event, None]:
    async with aclosing(source):
        async for payload in source:
            yield _event(payload, await plan.respond(context, variables, payload))


async def _interpreted(
    executor: Any, source: AsyncGenerator[Any, None]
) -> AsyncGenerator[Event, None]:
    async with aclosing(source):
        async for payload in source:
            result: Any = execute_subscription_event(executor.build_per_event_executor(payload))
            if not isinstance(result, ExecutionResult):
                result = await result
            yield _event(payload, result)


def _event(payload: Any, result: ExecutionResult) -> Event:
    return Event(getattr(payload, "sequence", None), _answer(result))


def _with_after_sequence(document: DocumentNode, sequence: int) -> DocumentNode:
    """The document with that literal as the argument `afterSequence` of `walletEvents`."""
    after = ArgumentNode(
        name=NameNode(value="afterSequence"), value=IntValueNode(value=str(sequence))
    )

    class Replacing(Visitor):
        def enter_field(self, node: FieldNode, *_: object) -> FieldNode | None:
            if node.name.value != RESUMABLE_FIELD:
                return None
            return FieldNode(
                alias=node.alias,
                name=node.name,
                arguments=(after,),
                directives=node.directives,
                selection_set=node.selection_set,
                loc=node.loc,
            )

    changed: DocumentNode = visit(document, Replacing())
    return changed


def _answer(result: ExecutionResult) -> dict[str, Any]:
    if not result.errors:
        return {"data": result.data}
    presented = errors.present(result.errors)
    if result.data is None and all(error.path is None for error in result.errors):
        raise errors.RequestError(presented)
    return {"data": result.data, "errors": presented}


def _plain(variables: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return dict(variables) if variables else None
