"""The interface between the GraphQL server and the program behind it: root fields, costs and protocols."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from graphql_server.errors import Refusal

Header = tuple[bytes, bytes]
#: The caller: opaque to the server, and never None if signed in.
Caller = Any


@dataclass(frozen=True, slots=True)
class RootField:
    """What the server has to know about a field of Query, Mutation or Subscription."""

    #: Whether an invalid bearer token counts as signed out, because the caller needs the field to sign in
    #: again.
    works_signed_out: bool = False
    #: Whether it checks the credential in its own transaction, so that the server does not have to.
    checks_credential: bool = False
    #: For a subscription with numbered events: the argument for the last number received.
    resume_argument: str | None = None
    #: For such a subscription: the attribute of an event with its number.
    number_attribute: str | None = None


@dataclass(frozen=True, slots=True)
class Costs:
    """The cost of operations in addition to the objects in their results."""

    default_page: int
    maximum_page: int
    #: The cost of a field in addition to its objects, by its name.
    fields: Mapping[str, int] = field(default_factory=dict)
    #: The usual length of lists without `first`, by the name of the field.
    list_sizes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OperationsTable:
    """What the server has to know about the schema besides its types."""

    root_fields: Mapping[str, RootField]
    costs: Costs


class Context(Protocol):
    """What resolvers receive as `info.context`: the part that the server uses."""

    client_ip: str
    request_id: str

    @property
    def principal(self) -> Caller | None:
        """The caller; None when signed out."""


class Service(Protocol):
    """The program behind the API. Its exceptions are either refusals (`refusal`) or internal errors."""

    def refusal(self, error: BaseException) -> Refusal | None:
        """The representation of an exception; None for an internal error, which is masked and logged."""

    def recognize(self, authorization: str, *, ask_active: bool) -> Caller | None:
        """The caller that `authenticate` would return, if it is known without waiting; else None."""

    def authenticate(
        self, authorization: str | None, client_ip: str, *, ask_active: bool
    ) -> Awaitable[Caller | None]:
        """The caller with that `Authorization` header; None without one. May raise refusals.

        With `ask_active`, whether the credential is active has to be checked.
        """

    def context(
        self,
        caller: Caller | None,
        *,
        client_ip: str,
        request_id: str,
        user_agent: str | None,
        cookie: str | None = None,
        can_set_cookies: bool = False,
    ) -> Context:
        """The context of one operation. Raises errors.HttpError for contradictory cookies."""

    def response_headers(self, context: Any) -> list[Header]:
        """Further headers of the response to an operation, such as `Set-Cookie`."""

    def account_of(self, caller: Caller) -> str:
        """The account whose streams are counted together."""

    def watch(self, caller: Caller, ended: Callable[[Exception], None]) -> Any:
        """Call `ended` with a refusal once the credential has expired or ended, until `unwatch`."""

    def unwatch(self, watch: Any) -> None:
        """Undo `watch`."""

    def too_many_refusals(self, client_ip: str) -> Refusal | None:
        """The refusal for a client with too many refused requests; None for any other."""

    def count_refusal(self, client_ip: str) -> Awaitable[None]:
        """A request of this client was refused before a resolver was called."""

    def limit_typename(self, context: Any) -> Awaitable[None] | None:
        """Count an operation that selects nothing but `__typename`. May raise refusals."""

    def limit_introspection(self, context: Any) -> Awaitable[None] | None:
        """Count an operation about the schema. May raise refusals."""


class Gauge(Protocol):
    """A number that goes up and down, such as prometheus_client.Gauge."""

    def inc(self) -> None: ...

    def dec(self) -> None: ...

    def track_inprogress(self) -> AbstractContextManager[Any]: ...


class Metrics(Protocol):
    """What the server counts."""

    @property
    def sockets(self) -> Gauge: ...

    @property
    def subscriptions(self) -> Gauge: ...


class Quota(Protocol):
    """The limits on streams and sockets, per client or account and in total."""

    @property
    def per_client(self) -> int | None:
        """The limit per client or account; None is no limit."""

    @property
    def is_full(self) -> bool: ...

    def take(self, key: str | None) -> bool:
        """Count one more if that client or account is within its limit; None has no limit of its own."""

    def give_back(self, key: str | None) -> None:
        """Release one that was taken."""


class Origins(Protocol):
    """Which web pages may open WebSockets."""

    def allow(self, origin: str, host: str | None) -> bool:
        """Whether pages of `origin` may; `host` is the request's own Host header."""
