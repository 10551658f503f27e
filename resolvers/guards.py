"""What is asked before an operation is carried out: who, with which scope, and how often."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from adapters.rate_limiter import Limit
from domain import errors, networks
from domain.ledger import kinds
from domain.people.accounts import address_key, clean_email
from domain.people.sessions import Scope
from resolvers.request import RequestContext
from schema.arguments import given

#: A guard raises a refusal, or does nothing. It is given the request, the operation's name and the
#: arguments.
Guard = Callable[[RequestContext, str, Mapping[str, Any]], Awaitable[None] | None]
#: What a limit counts by; None where it does not concern the request.
KeyOf = Callable[[RequestContext, Mapping[str, Any]], str | None]
network = networks.network

# ------------------------------------------------ who


def signed_in(context: RequestContext, _operation: str, _arguments: Mapping[str, Any]) -> None:
    """A person, or a program with an API token."""
    if context.principal is None:
        raise errors.Unauthenticated


def person(context: RequestContext, _operation: str, _arguments: Mapping[str, Any]) -> None:
    """A signed-in person: no API token may manage sessions, passwords, profiles or tokens."""
    if context.caller.session_id is None:
        raise errors.Forbidden("API tokens are not allowed to do that. Sign in instead.")


def scope(needed: Scope) -> Guard:
    """Signed in; an API token with that scope."""

    def guard(context: RequestContext, _operation: str, _arguments: Mapping[str, Any]) -> None:
        if not context.caller.may(needed):
            raise errors.Forbidden(
                f"This API token lacks the scope {needed}. Create one that has it."
            )

    return guard


def scope_of_kind(context: RequestContext, operation: str, arguments: Mapping[str, Any]) -> None:
    """Signed in; an API token with the scope of the `kind` that the input names."""
    scope(kinds.RULES[arguments["input"].kind].scope)(context, operation, arguments)


async def verified(context: RequestContext, _operation: str, _arguments: Mapping[str, Any]) -> None:
    """Signed in, with an address that is known to be theirs."""
    caller = await context.services.person(context.caller.user_id)
    if caller is None:
        raise errors.Unauthenticated
    if caller.email_verified_at is None:
        raise errors.Forbidden(
            "Verify your email address first, with the link in the mail that we sent you."
        )


# ------------------------------------------------ how often


def client(context: RequestContext, _arguments: Mapping[str, Any]) -> str:
    """Where the request comes from."""
    return f"client:{network(context.client_ip)}"


def account(context: RequestContext, _arguments: Mapping[str, Any]) -> str:
    """The account that asks."""
    return f"account:{context.caller.user_id}"


def named_account(_context: RequestContext, arguments: Mapping[str, Any]) -> str:
    """The account whose email address the input names, known or not."""
    typed: str = arguments["input"].email
    try:
        return address_key(clean_email(typed))
    except errors.InvalidInput:
        return address_key(typed)


def link_at_client(context: RequestContext, arguments: Mapping[str, Any]) -> str:
    """The link whose token the input has, as tried from one place."""
    token: str = arguments["input"].token
    digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
    return f"link:{digest[:32]}@{network(context.client_ip)}"


def named_account_at_client(context: RequestContext, arguments: Mapping[str, Any]) -> str:
    """The account that the input names, as tried from one place: others do not lock its owner out."""
    return f"{named_account(context, arguments)}@{network(context.client_ip)}"


def account_by_address(context: RequestContext, arguments: Mapping[str, Any]) -> str | None:
    """The account that asks, where the recipient is given by an email address."""
    by_address = given(arguments["input"].recipient.email) is not None
    return account(context, arguments) if by_address else None


def client_by_address(context: RequestContext, arguments: Mapping[str, Any]) -> str | None:
    """Where the request comes from, where the recipient is given by an email address."""
    by_address = given(arguments["input"].recipient.email) is not None
    return client(context, arguments) if by_address else None


def caller(context: RequestContext, arguments: Mapping[str, Any]) -> str:
    """The account that asks, or where the request comes from where nobody is signed in."""
    per = client if context.principal is None else account
    return per(context, arguments)


def reads(
    context: RequestContext, _operation: str, arguments: Mapping[str, Any]
) -> Awaitable[None] | None:
    """The limit that all reads share, by account or client."""
    services = context.services
    if services.rate_limiter.is_off:
        return None
    key = caller(context, arguments)
    block = services.read_allowance.try_take(key)
    if block is None:
        return _count_read(context, key)
    context.count(block)
    return None


async def _count_read(context: RequestContext, key: str) -> None:
    block = await context.services.count_read(key)
    if block is not None:
        context.count(block)


def typename(context: RequestContext) -> Awaitable[None] | None:
    """The limit on operations that select nothing but `__typename`: that of reads."""
    return reads(context, "__typename", {})


def introspection(context: RequestContext) -> Awaitable[None] | None:
    """The limit on questions about the schema, by client: each takes some hundred times as much as a read."""
    return at_most(("60/minute", client))(context, "introspection", {})


def at_most(*limits: tuple[str, KeyOf]) -> Guard:
    """Each limit is how often ("10/minute") and what by; the first that is reached refuses.

    Each operation of a request counts, aliases too.
    """

    async def guard(context: RequestContext, operation: str, arguments: Mapping[str, Any]) -> None:
        if context.services.rate_limiter.is_off:
            return
        counted = [
            (rate, f"{operation}.{per.__name__}", per(context, arguments)) for rate, per in limits
        ]
        usage = await context.services.count_use(
            Limit(rate, f"{name}:{key}", name) for rate, name, key in counted if key is not None
        )
        if usage is not None:
            context.count(usage)

    return guard
