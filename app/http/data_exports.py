"""/exports/…: archives of exported data, for clients with a link that was made minutes ago."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from app.http import statements
from application import data_exports
from application.services import Services
from application.turns import Turns
from domain import errors
from domain.exports import links
from domain.exports.data_exports import FILE_NAME
from graphql_server import facts
from resolvers import guards

ROUTE = f"{links.PATH}{{token}}"
_NAME = "exports"
_PER_CLIENT = "120/minute"
_PER_ACCOUNT = "30/minute"


class DataExports:
    """Responds with archives, which are read as they are sent."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._turns = Turns(at_once=2, waiting=4, name=_NAME)

    async def answer(self, request: Request) -> Response:
        try:
            return await self._answer(request)
        except errors.DomainError as error:
            return statements.refusal(error)

    async def _answer(self, request: Request) -> Response:
        known: facts.RequestFacts = request.scope["facts"]
        client, services = f"client:{guards.network(known.client_ip)}", self._services
        await statements.count(services, _PER_CLIENT, f"{_NAME}.client", client)
        link = await data_exports.opened(services, request.path_params["token"])
        user_id = link.principal.user_id
        await statements.count(services, _PER_ACCOUNT, f"{_NAME}.account", f"account:{user_id}")
        archive = await data_exports.archive(services, link)
        headers = {
            **statements.HEADERS,
            "content-disposition": f'attachment; filename="{FILE_NAME}"',
            "content-length": str(archive.size),
        }
        if request.method == "HEAD":
            return Response(headers=headers, media_type="application/zip")
        content = statements.in_turn(self._turns, user_id, archive.content)
        return await statements.download(content, headers, "application/zip")
