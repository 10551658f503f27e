"""The interface between the GraphQL server and the program behind it: root fields, costs and protocols."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from graphql_server.errors import Refusal

Header = tuple[bytes, bytes]
#: Who sends a request: opaque to the server, never None for a caller that is signed in.
Caller = Any


@dataclass(frozen=True, slots=True)
class RootField:
    """What the server has to know of one field of Query, Mutation or Subscription."""

    #: Whether it is answered as if signed out where the bearer token is not valid, because it is what
    #: such a caller needs in order to sign in again.
    works_signed_out: bool = False
    #: Whether it checks by itself that the credential is active, so that the server need not.
    checks_credential: bool = False
    #: Of a subscription with numbered events: the argument for the last number that was received.
    resume_argument: str | None = None
    #: Of such a subscription: the attribute of an event that is its number.
    number_attribute: str | None = None


@dataclass(frozen=True, slots=True)
class Costs:
    """What operations cost, beside the objects in their answers."""

    default_page: int
    maximum_page: int
    #: What a field costs on top of its objects, by its name.
    fields: Mapping[str, int] = field(default_factory=dict)
    #: How long lists without `first` usually are, by the name of the field.
    list_sizes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OperationsTable:
    """What the server knows of the schema beyond its types."""

    root_fields: Mapping[str, RootField]
    costs: Costs


class Context(Protocol):
    """What resolvers receive as `info.context`. The server itself needs only this of it."""

    client_ip: str
    request_id: str

    @property
    def principal(self) -> Caller | None:
        """Who sends the request; None when signed out."""


class Service(Protocol):
    """The program behind the API. Its exceptions are either refusals (`refusal`) or faults."""

    def refusal(self, error: BaseException) -> Refusal | None:
        """How an exception is shown to the client; None for a fault, which is masked and logged."""

    def authenticate(
        self, authorization: str | None, client_ip: str, *, ask_active: bool
    ) -> Awaitable[Caller | None]:
        """Who sends that `Authorization`; None without one. May raise refusals.

        With `ask_active` the credential has to be known to be active.
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
        """The context of one operation. Raises errors.HttpError for cookies that make no sense."""

    def response_headers(self, context: Any) -> list[Header]:
        """What the response to an operation carries beside its body, such as `Set-Cookie`."""

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
    """How many streams and sockets there may be, for each client or account and in all."""

    @property
    def per_client(self) -> int | None:
        """How many each client or account may have; None is no limit."""

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
