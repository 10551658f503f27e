"""The wallet as the GraphQL server sees it: bearers, contexts, cookies, refusals and rate limits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from app.http import device_cookie, rate_limits, refresh_cookie
from application import authentication
from application.services import Services
from domain import errors, paging
from domain.people import sessions
from graphql_server.errors import Credential, HttpError, Refusal
from graphql_server.service import Costs, Header, OperationsTable, RootField
from realtime.active_credentials import Watch
from resolvers import guards, root
from resolvers.request import RequestContext
from schema import errors as schema_errors


def operations_table() -> OperationsTable:
    """The operations of resolvers.root in the server's format."""
    return OperationsTable(
        root_fields={
            name: RootField(
                works_signed_out=operation.works_signed_out,
                checks_credential=operation.checks_credential,
                resume_argument=operation.resume_argument,
                number_attribute=operation.number_attribute,
            )
            for name, operation in root.OPERATIONS.items()
        },
        costs=Costs(
            default_page=paging.DEFAULT_SIZE,
            maximum_page=paging.MAXIMUM_SIZE,
            fields=root.FIELD_COSTS,
            list_sizes=root.USUAL_LENGTHS,
        ),
    )


def refusal(error: BaseException) -> Refusal | None:
    """The representation of a refusal of the domain; None for any other exception."""
    if not isinstance(error, errors.DomainError):
        return None
    code, extensions = schema_errors.code_of(error)
    credential = None
    if isinstance(error, sessions.NotABearer):
        credential = Credential.MISSING
    elif isinstance(error, sessions.TokenExpired):
        credential = Credential.EXPIRED
    elif isinstance(error, errors.Unauthenticated):
        credential = Credential.INVALID
    headers: list[Header] = []
    if isinstance(error, errors.RateLimited) and error.limit is not None:
        headers = rate_limits.headers(error.limit)
    return Refusal(error.message, code, extensions, credential, tuple(headers))


class WalletService:
    """Implements graphql_server.service.Service for the wallet."""

    refusal = staticmethod(refusal)
    limit_typename = staticmethod(guards.typename)
    limit_introspection = staticmethod(guards.introspection)

    def __init__(self, services: Services) -> None:
        self._services = services
        self._secure = services.settings.secure_cookies

    def recognize(self, authorization: str, *, ask_active: bool) -> sessions.Principal | None:
        return authentication.recognize(self._services, authorization, ask_active=ask_active)

    def authenticate(
        self, authorization: str | None, client_ip: str, *, ask_active: bool
    ) -> Awaitable[sessions.Principal | None]:
        return authentication.authenticate(
            self._services, authorization, guards.network(client_ip), ask_active=ask_active
        )

    def context(
        self,
        caller: sessions.Principal | None,
        *,
        client_ip: str,
        request_id: str,
        user_agent: str | None,
        cookie: str | None = None,
        can_set_cookies: bool = False,
    ) -> RequestContext:
        """The context of one operation. Raises HttpError for two refresh cookies."""
        received = refresh_cookie.read(cookie, secure=self._secure)
        if received.is_ambiguous:
            raise HttpError(
                400,
                "The request carries two refresh cookies: delete the cookies of this site, and sign in "
                "again.",
                (_set_cookie(refresh_cookie.clear(secure=self._secure)),),
            )
        return RequestContext(
            services=self._services,
            principal=caller,
            client_ip=client_ip,
            user_agent=user_agent,
            refresh_cookie=received.token,
            device_token=device_cookie.read(cookie, secure=self._secure),
            has_outdated_cookie=received.is_outdated,
            request_id=request_id,
            can_set_cookies=can_set_cookies,
        )

    def response_headers(self, context: RequestContext) -> list[Header]:
        """The cookies to set, and what is left of the rate limit that is closest to exhaustion."""
        headers = []
        if context.usage is not None:
            headers += rate_limits.headers(context.usage)
        if context.has_outdated_cookie:
            headers.append(_set_cookie(refresh_cookie.clear_outdated()))
        if context.cookie_to_set:
            lifetime = context.cookie_seconds
            cookie = refresh_cookie.render(context.cookie_to_set, lifetime, secure=self._secure)
            headers.append(_set_cookie(cookie))
        elif context.cookie_to_set is not None:
            headers.append(_set_cookie(refresh_cookie.clear(secure=self._secure)))
        if context.device_token_to_set is not None:
            cookie = device_cookie.render(context.device_token_to_set, secure=self._secure)
            headers.append(_set_cookie(cookie))
        return headers

    def account_of(self, caller: sessions.Principal) -> str:
        return str(caller.user_id)

    def watch(self, caller: sessions.Principal, ended: Callable[[Exception], None]) -> Watch:
        """Call `ended` once the access token has expired, or its session or API token has ended."""
        left = None
        if caller.expires_at is not None:
            left = max(0.0, (caller.expires_at - self._services.clock()).total_seconds())
        return self._services.live.watch(caller, ended, expires_in_seconds=left)

    def unwatch(self, watch: Watch) -> None:
        self._services.live.unwatch(watch)

    def too_many_refusals(self, client_ip: str) -> Refusal | None:
        limit = self._services.refusal_allowance.refusal(guards.network(client_ip))
        return None if limit is None else refusal(errors.RateLimited(limit.wait_seconds, limit))

    def count_refusal(self, client_ip: str) -> Awaitable[None]:
        return self._services.count_refusal(guards.network(client_ip))


def _set_cookie(cookie: str) -> tuple[bytes, bytes]:
    return b"set-cookie", cookie.encode("latin-1")
