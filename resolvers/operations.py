"""Makes a root field of a resolver: its guards first, its refusals as members of its result."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, get_args, get_type_hints

import strawberry
from strawberry.utils.str_converters import to_camel_case

import schema.errors
from domain import errors
from resolvers.guards import Guard
from resolvers.request import RequestContext

Info = strawberry.Info[RequestContext, None]
Resolver = Callable[..., Awaitable[Any]]
Source = Callable[..., Awaitable[AsyncIterator[Any]]]

_INPUT = "What the operation takes."


def operation(resolver: Resolver, *guards: Guard, description: str) -> Any:
    """The field that the resolver answers, of the type that the resolver says it returns.

    Guards are asked in order. A refusal that the field's union has is the field's result; any other
    goes on as an exception, which becomes a top-level error with its code.
    """
    field = strawberry.field(resolver=_guarded(resolver, guards), description=description)
    for argument in field.arguments:
        argument.description = argument.description or _INPUT
    return field


def subscription(source: Source, *guards: Guard, description: str) -> Any:
    """The field that streams what the source yields, once its guards have been asked.

    Guards and the source's own start refuse before there is a stream: the answer is an error then.
    """

    @functools.wraps(source)
    async def answer(info: Info, **arguments: Any) -> Any:
        context = info.context
        outcome = "cancelled"
        try:
            await _ask(guards, context, name, arguments)
            stream = await source(info, **arguments)
            outcome = "ok"
        except errors.DomainError as refusal:
            outcome = schema.errors.code_of(refusal)[0]
            raise
        except Exception:
            outcome = "INTERNAL"
            raise
        finally:
            context.services.metrics.operation(name, outcome)
        return stream

    name = to_camel_case(source.__name__)
    return strawberry.subscription(resolver=answer, description=description)


async def _ask(
    guards: tuple[Guard, ...], context: RequestContext, name: str, arguments: dict[str, Any]
) -> None:
    for guard in guards:
        asked = guard(context, name, arguments)
        if asked is not None:
            await asked


def _guarded(resolver: Resolver, guards: tuple[Guard, ...]) -> Resolver:
    name = to_camel_case(resolver.__name__)
    members = _members(resolver)

    @functools.wraps(resolver)
    async def answer(info: Info, **arguments: Any) -> Any:
        context = info.context
        outcome = "cancelled"
        try:
            await _ask(guards, context, name, arguments)
            result = await resolver(info, **arguments)
            outcome = "ok"
        except errors.DomainError as refusal:
            if schema.errors.member_type_of(refusal) in members:
                result = schema.errors.member_of(refusal)
                outcome = type(result).__name__
            else:
                outcome = schema.errors.code_of(refusal)[0]
                raise
        except Exception:
            outcome = "INTERNAL"
            raise
        finally:
            context.services.metrics.operation(name, outcome)
        return result

    return answer


def _members(resolver: Resolver) -> frozenset[Any]:
    """The refusals in the union that the resolver returns."""
    assert inspect.iscoroutinefunction(resolver)
    returned = get_type_hints(resolver)["return"]
    return frozenset(
        member
        for member in get_args(returned)
        if isinstance(member, type) and issubclass(member, schema.errors.UserError)
    )
