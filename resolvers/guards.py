"""Guards, checked before an operation is executed: authentication, scopes and rate limits."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from adapters.rate_limiter import Limit
from domain import errors, ids, networks
from domain.ledger import kinds
from domain.people.accounts import address_key, clean_email
from domain.people.sessions import Scope
from resolvers.request import RequestContext
from schema.arguments import given

#: A guard raises a refusal or does nothing. It receives the request, the operation's name and the
#: arguments.
Guard = Callable[[RequestContext, str, Mapping[str, Any]], Awaitable[None] | None]
#: The key that a limit counts by; None if the limit does not apply to the request.
KeyOf = Callable[[RequestContext, Mapping[str, Any]], str | None]
network = networks.network

# ------------------------------------------------ authentication and scopes


def signed_in(context: RequestContext, _operation: str, _arguments: Mapping[str, Any]) -> None:
    """Signed in: a user, or a program with an API token."""
    if context.principal is None:
        raise errors.Unauthenticated


def person(context: RequestContext, _operation: str, _arguments: Mapping[str, Any]) -> None:
    """A signed-in user: API tokens may not manage sessions, passwords, profiles or tokens."""
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
    """Signed in; an API token with the scope of the `kind` that the input names, if it has one."""
    needed = kinds.RULES[arguments["input"].kind].scope
    guard = signed_in if needed is None else scope(needed)
    guard(context, operation, arguments)


async def verified(context: RequestContext, _operation: str, _arguments: Mapping[str, Any]) -> None:
    """Signed in, with a verified email address."""
    caller = await context.services.person(context.caller.user_id)
    if caller is None:
        raise errors.Unauthenticated
    if caller.email_verified_at is None:
        raise errors.Forbidden(
            "Verify your email address first, with the link in the mail that we sent you."
        )


async def verified_for_recipient(
    context: RequestContext, operation: str, arguments: Mapping[str, Any]
) -> None:
    """As `verified`, if there is a recipient: users are found by verified users only."""
    if _named(arguments) is not None:
        await verified(context, operation, arguments)


# ------------------------------------------------ rate limits


def client(context: RequestContext, _arguments: Mapping[str, Any]) -> str:
    """The network of the client."""
    return f"client:{network(context.client_ip)}"


def account(context: RequestContext, _arguments: Mapping[str, Any]) -> str:
    """The account of the caller."""
    return f"account:{ids.uuid_text(context.caller.user_id)}"


def named_account(_context: RequestContext, arguments: Mapping[str, Any]) -> str:
    """The account with the email address in the input, whether or not it exists."""
    typed: str = arguments["input"].email
    try:
        return address_key(clean_email(typed))
    except errors.InvalidInput:
        return address_key(typed)


def link_at_client(context: RequestContext, arguments: Mapping[str, Any]) -> str:
    """The link whose token is in the input, per client network."""
    token: str = arguments["input"].token
    digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
    return f"link:{digest[:32]}@{network(context.client_ip)}"


def named_account_at_client(context: RequestContext, arguments: Mapping[str, Any]) -> str:
    """The account named in the input, per client network, so that others cannot lock its owner out."""
    return f"{named_account(context, arguments)}@{network(context.client_ip)}"


def account_by_address(context: RequestContext, arguments: Mapping[str, Any]) -> str | None:
    """The account of the caller, if the recipient or the payer is given by an email address."""
    return account(context, arguments) if _names_an_address(arguments) else None


def account_by_recipient(context: RequestContext, arguments: Mapping[str, Any]) -> str | None:
    """The account of the caller, if there is a recipient or a payer."""
    return None if _named(arguments) is None else account(context, arguments)


def client_by_address(context: RequestContext, arguments: Mapping[str, Any]) -> str | None:
    """The network of the client, if the recipient or the payer is given by an email address."""
    return client(context, arguments) if _names_an_address(arguments) else None


def _names_an_address(arguments: Mapping[str, Any]) -> bool:
    payers = getattr(arguments.get("input"), "payers", None)
    if payers is not None:
        return any(given(payer.email) is not None for payer in payers)
    named = _named(arguments)
    return named is not None and given(named.email) is not None


def _named(arguments: Mapping[str, Any]) -> Any:
    """The recipient or the payer, if there is one."""
    of = arguments.get("input")
    if of is None:
        return given(arguments.get("recipient"))
    return given(of.payer) if hasattr(of, "payer") else of.recipient


def caller(context: RequestContext, arguments: Mapping[str, Any]) -> str:
    """The account of the caller, or the network of the client when signed out."""
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
    """The limit on introspection, by client: it costs about a hundred times as much as a read."""
    return at_most(("60/minute", client))(context, "introspection", {})


def at_most(*limits: tuple[str, KeyOf]) -> Guard:
    """Each limit is a rate ("10/minute") and the key to count by; the first one exceeded refuses.

    Each operation of a request counts, aliases too.
    """

    #: The limits with their names, by operation.
    by_operation: dict[str, list[tuple[str, KeyOf, str]]] = {}

    def guard(
        context: RequestContext, operation: str, arguments: Mapping[str, Any]
    ) -> Awaitable[None] | None:
        if context.services.rate_limiter.is_off:
            return None
        named = by_operation.get(operation)
        if named is None:
            named = [(rate, per, f"{operation}.{per.__name__}") for rate, per in limits]
            by_operation[operation] = named
        counted = [
            Limit(rate, f"{name}:{key}", name)
            for rate, per, name in named
            if (key := per(context, arguments)) is not None
        ]
        return _count_use(context, counted) if counted else None

    return guard


async def _count_use(context: RequestContext, limits: Sequence[Limit]) -> None:
    usage = await context.services.count_use(limits)
    assert usage is not None
    context.count(usage)
