"""Makes a resolver a root field: guards run first, and refusals become members of its result."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_type_hints

import strawberry
from strawberry.types import get_object_definition
from strawberry.types.field import StrawberryField
from strawberry.utils.str_converters import to_camel_case

import schema.errors
from domain import errors
from resolvers.guards import Guard, reads
from resolvers.request import RequestContext

#: The first parameter of every resolver.
Info = strawberry.Info[RequestContext, None]
Resolver = Callable[..., Awaitable[Any]]
Source = Callable[..., Awaitable[AsyncIterator[Any]]]

_INPUT = "The operation's input."


@dataclass(frozen=True, slots=True)
class Operation:
    """What the schema does not say about a root field."""

    #: Called in order before the resolver.
    guards: tuple[Guard, ...]
    #: Its cost in addition to the objects in its result.
    cost: int = 0
    #: Whether it works signed out, also with an invalid bearer token: what a client needs to sign in
    #: again.
    works_signed_out: bool = False
    #: Whether the transaction that does the work checks that the credential is active.
    checks_credential: bool = False
    #: For a subscription with numbered events: the argument for the last number received.
    resume_argument: str | None = None
    #: The attribute of such an event that is its number.
    number_attribute: str | None = None


def operation(
    resolver: Resolver,
    *guards: Guard,
    description: str,
    cost: int = 0,
    works_signed_out: bool = False,
    checks_credential: bool = False,
) -> Any:
    """The field of that resolver, with the type of its return annotation.

    A refusal that is a member of the field's union becomes its result. Any other is raised, and becomes
    a top-level error with its code.
    """
    entry = Operation(guards, cost, works_signed_out, checks_credential)
    answer = _guarded(resolver, guards, _members(resolver))
    field = strawberry.field(
        resolver=answer, description=description, metadata={"operation": entry}
    )
    for argument in field.arguments:
        argument.description = argument.description or _INPUT
    return field


def subscription(
    source: Source,
    *guards: Guard,
    description: str,
    resume_argument: str | None = None,
    number_attribute: str | None = None,
) -> Any:
    """The field that streams the events of the source, after its guards have been called.

    If a guard or the source refuses, that is an error, and there is no stream.
    """
    entry = Operation(guards, resume_argument=resume_argument, number_attribute=number_attribute)
    answer = _guarded(source, guards, frozenset())
    return strawberry.subscription(
        resolver=answer, description=description, metadata={"operation": entry}
    )


def table(*roots: type) -> dict[str, Operation]:
    """The operations of these root types, by their names in the API."""
    return {
        to_camel_case(field.python_name): field.metadata["operation"] for field in _fields(roots)
    }


def field_costs(*types: type) -> dict[str, int]:
    """The cost of fields of these types in addition to the objects in their results, by name in the API."""
    declared = {to_camel_case(field.python_name): _cost(field.metadata) for field in _fields(types)}
    return {name: cost for name, cost in declared.items() if cost}


def usual_lengths(*types: type) -> dict[str, int]:
    """The usual length of lists without `first`, by their fields' names in the API."""
    declared = {
        to_camel_case(field.python_name): field.metadata.get("usual_length")
        for field in _fields(types)
    }
    return {name: length for name, length in declared.items() if length is not None}


def _fields(types: Iterable[type]) -> Iterator[StrawberryField]:
    for each in types:
        definition = get_object_definition(each, strict=True)
        yield from definition.fields


def _cost(metadata: Mapping[Any, Any]) -> int:
    entry = metadata.get("operation")
    cost: int = metadata.get("cost", 0) if entry is None else entry.cost
    return cost


def _guarded(resolver: Resolver, guards: tuple[Guard, ...], members: frozenset[Any]) -> Resolver:
    name = to_camel_case(resolver.__name__)

    @functools.wraps(resolver)
    async def answer(info: Info, **arguments: Any) -> Any:
        context = info.context
        outcome = "ok"
        try:
            try:
                for guard in guards:
                    asked = guard(context, name, arguments)
                    if asked is not None:
                        await asked
            except errors.RateLimited:
                raise
            except errors.DomainError:
                # The guards after it, such as the limit, were not called.
                if (counting := reads(context, name, arguments)) is not None:
                    await counting
                raise
            return await resolver(info, **arguments)
        except errors.DomainError as refusal:
            if schema.errors.member_type_of(refusal) in members:
                member = schema.errors.member_of(refusal)
                outcome = type(member).__name__
                return member
            outcome = schema.errors.code_of(refusal)[0]
            if isinstance(refusal, errors.RateLimited) and refusal.limit is not None:
                context.usage = refusal.limit
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
