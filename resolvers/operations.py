"""Makes a root field of a resolver: its guards first, its refusals as members of its result."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, get_args, get_type_hints

import strawberry
from strawberry.utils.str_converters import to_camel_case

import schema.errors
from domain import errors
from resolvers.guards import Guard
from resolvers.request import RequestContext

#: What a resolver takes first.
Info = strawberry.Info[RequestContext, None]
Resolver = Callable[..., Awaitable[Any]]
Source = Callable[..., Awaitable[AsyncIterator[Any]]]

_INPUT = "What the operation takes."


def operation(resolver: Resolver, *guards: Guard, description: str) -> Any:
    """The field that the resolver answers, of the type that the resolver says it returns.

    Guards are asked in order. A refusal that the field's union has is the field's result; any other
    goes on as an exception, which becomes a top-level error with its code.
    """
    answer = _guarded(resolver, guards, _members(resolver))
    # The guards are kept with the field, so that a test can walk the operations of one guard.
    field = strawberry.field(resolver=answer, description=description, metadata={"guards": guards})
    for argument in field.arguments:
        argument.description = argument.description or _INPUT
    return field


def subscription(source: Source, *guards: Guard, description: str) -> Any:
    """The field that streams what the source returns, once its guards have been asked.

    Guards and the source refuse before there is a stream: the answer is an error then.
    """
    answer = _guarded(source, guards, frozenset())
    return strawberry.subscription(resolver=answer, description=description)


def _guarded(resolver: Resolver, guards: tuple[Guard, ...], members: frozenset[Any]) -> Resolver:
    name = to_camel_case(resolver.__name__)

    @functools.wraps(resolver)
    async def answer(info: Info, **arguments: Any) -> Any:
        context = info.context
        outcome = "ok"
        try:
            for guard in guards:
                asked = guard(context, name, arguments)
                if asked is not None:
                    await asked
            return await resolver(info, **arguments)
        except errors.DomainError as refusal:
            if schema.errors.member_type_of(refusal) in members:
                member = schema.errors.member_of(refusal)
                outcome = type(member).__name__
                return member
            outcome = schema.errors.code_of(refusal)[0]
            raise
        except BaseException as error:
            outcome = "INTERNAL" if isinstance(error, Exception) else "cancelled"
            raise
        finally:
            context.services.metrics.operation(name, outcome)

    return answer


def _members(resolver: Resolver) -> frozenset[Any]:
    """The refusals in the union that the resolver returns."""
    returned = get_type_hints(resolver)["return"]
    return frozenset(
        member
        for member in get_args(returned)
        if isinstance(member, type) and issubclass(member, schema.errors.UserError)
    )
