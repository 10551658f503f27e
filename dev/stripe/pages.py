"""The payment page for payers, and the dashboard that decides what happens to payments and events."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jinja2
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    RedirectResponse,
    Response,
)
from starlette.routing import Route

from dev.stripe import api, checkout, objects
from dev.stripe.actions import Actions
from dev.stripe.provider import MODES, Provider
from dev.stripe.refusals import Refusal
from dev.stripe.store import Object

FOLDER = Path(__file__).resolve().parent
#: The style of the wallet's own pages.
STYLE = FOLDER.parents[1] / "app" / "http" / "pages" / "assets" / "pages.css"
#: No form-action: browsers apply it to where a form leads in the end, and that is the wallet.
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; "
    "frame-ancestors 'none'"
)
TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(FOLDER / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.filters["money"] = objects.shown
TEMPLATES.filters["moment"] = lambda at: datetime.fromtimestamp(at, UTC).strftime(
    "%d %B, %H:%M:%S UTC"
)
MODE_WORDS = {
    "immediately": "As they happen",
    "twice": "Each twice, at the same time",
    "late": "Late, after a pause",
    "held": "Only when I release them",
    "before_response": "Before the response of the call that causes them",
    "never": "Never",
}
FAULT_WORDS = {
    "error": "Fails with status 500, and nothing happens",
    "error_after": "Takes effect, then fails with status 500",
    "rate_limit": "Is refused with status 429",
    "timeout": "Is never answered, and nothing happens",
    "lost_answer": "Takes effect, then the connection breaks",
}
assert MODE_WORDS.keys() == set(MODES)
assert FAULT_WORDS.keys() == set(api.FAULTS)


class Pages:
    """Everything of the provider that people look at."""

    def __init__(self, provider: Provider, actions: Actions) -> None:
        self._provider = provider
        self._actions = actions

    def routes(self) -> list[Route]:
        return [
            Route("/", _to_dashboard),
            Route("/c/pay/{session}", self.payment),
            Route("/c/pay/{session}", self.pay, methods=["POST"]),
            Route("/test", self.dashboard),
            Route("/test/control", self.state),
            Route("/test/control/{action}", self.act, methods=["POST"]),
            Route("/assets/{name}", _asset),
        ]

    # ------------------------------------------------------------ paying

    async def payment(self, request: Request) -> Response:
        checkout.expire_due(self._provider)
        return self._payment(request, declined=False)

    def _payment(self, request: Request, *, declined: bool) -> Response:
        session = self._session(request)
        if session is None:
            return _page("no_payment.html", 404)
        return _page(
            "payment.html",
            402 if declined else 200,
            session=session,
            declined=declined,
            back=return_address(session, "success_url"),
            dashboard=f"{self._provider.url}/test",
        )

    async def pay(self, request: Request) -> Response:
        """Pay as the form says, then return to the wallet."""
        if not _is_own(request):
            return _page("no_payment.html", 403)
        session = self._session(request)
        if session is None:
            return _page("no_payment.html", 404)
        chosen = {"session": session["id"], "method": (await _form(request)).get("method", "card")}
        try:
            paid = await self._actions.perform("pay", chosen)
        except Refusal:
            # Paid or expired in another tab: the page says which.
            return self._payment(request, declined=False)
        if paid["status"] == "open":
            return self._payment(request, declined=True)
        return RedirectResponse(return_address(session, "success_url"), 303)

    def _session(self, request: Request) -> Object | None:
        identifier = request.path_params["session"]
        account = self._provider.store.owner(identifier)
        if account is None:
            return None
        return self._provider.store.get(account, "checkout.session", identifier)

    # ------------------------------------------------------------ the dashboard

    async def dashboard(self, request: Request) -> Response:
        checkout.expire_due(self._provider)
        return self._dashboard()

    def _dashboard(self, problem: str = "") -> Response:
        return _page(
            "dashboard.html",
            400 if problem else 200,
            problem=problem,
            modes=MODE_WORDS,
            fault_kinds=FAULT_WORDS,
            **self._actions.state(),
        )

    async def state(self, _request: Request) -> Response:
        """The dashboard for programs."""
        return JSONResponse(self._actions.state())

    async def act(self, request: Request) -> Response:
        """An action of the dashboard's forms, or of a program as JSON."""
        if not _is_own(request):
            return JSONResponse({"error": {"message": "This page is not the provider's."}}, 403)
        is_program = request.headers.get("content-type", "").startswith("application/json")
        try:
            values = await request.json() if is_program else _in_minor_units(await _form(request))
            if not isinstance(values, dict):
                raise Refusal("An action takes an object with texts.")
            texts = {str(name): str(value) for name, value in values.items()}
            done = await self._actions.perform(request.path_params["action"], texts)
        except Refusal as refusal:
            if is_program:
                return JSONResponse(refusal.body(), refusal.status)
            return self._dashboard(refusal.message)
        except ValueError:
            return JSONResponse({"error": {"message": "This is not JSON."}}, 400)
        return JSONResponse(done) if is_program else RedirectResponse("/test", 303)


def return_address(session: Object, name: str) -> str:
    """Where the payer goes, with the session's id where the address asks for it."""
    return str(session[name] or "").replace("{CHECKOUT_SESSION_ID}", session["id"])


def _in_minor_units(form: Mapping[str, str]) -> dict[str, str]:
    """The form's values, with its amount as the API counts it."""
    values = {name: value for name, value in form.items() if value and name != "currency"}
    if "amount" in values:
        try:
            values["amount"] = objects.in_minor_units(Decimal(values["amount"]), form["currency"])
        except (InvalidOperation, KeyError):
            raise Refusal("The amount is a number such as 5.00.") from None
    return values


def _is_own(request: Request) -> bool:
    """Whether a form is one of ours: pages of other origins must not press our buttons."""
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


async def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode(errors="replace")))


async def _to_dashboard(_request: Request) -> Response:
    return RedirectResponse("/test", 303)


async def _asset(request: Request) -> Response:
    name = request.path_params["name"]
    file = {"pages.css": STYLE, "provider.css": FOLDER / "assets" / "provider.css"}.get(name)
    return Response(status_code=404) if file is None else FileResponse(file)


def _page(name: str, status: int = 200, **values: Any) -> Response:
    html = TEMPLATES.get_template(name).render(**values)
    headers = {
        "cache-control": "no-store",
        "content-security-policy": POLICY,
        "x-content-type-options": "nosniff",
    }
    return HTMLResponse(html, status, headers)
