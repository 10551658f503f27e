"""The page at /docs, made when it is first asked for."""

from __future__ import annotations

import asyncio
import functools
import gzip
import hashlib
from dataclasses import dataclass

import jinja2
import orjson
from graphql import build_schema
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import NotModifiedResponse

from app import served_schema
from app.http import client
from app.http.reference import examples
from app.version import version
from settings import ROOT

GUIDE = ROOT / "docs" / "api.md"
#: Where relative links of the guide lead; the other pages of the project are not served.
_ADDRESSES = {"../schema/schema.graphql": "/schema.graphql"}


@dataclass(frozen=True, slots=True)
class _File:
    """A response body, as it is and compressed."""

    media_type: str
    plain: bytes
    compressed: bytes
    etag: str


class Reference:
    """Answers requests for the reference and for its examples."""

    def __init__(self, templates: jinja2.Environment) -> None:
        self._templates = templates

    async def page(self, request: Request) -> Response:
        """The reference, as HTML."""
        return _response(request, await asyncio.to_thread(_page, self._templates))

    async def examples(self, request: Request) -> Response:
        """The examples by operation, as JSON: the playground opens them."""
        return _response(request, await asyncio.to_thread(_examples))


@functools.lru_cache(maxsize=2)
def _page(templates: jinja2.Environment) -> _File:
    # What renders Markdown takes time to import.
    from app.http.reference.contents import Contents
    from app.http.reference.links import Links
    from app.http.reference.prose import Prose

    schema = build_schema(served_schema.print_sdl())
    links = Links(schema)
    prose = Prose(links, _ADDRESSES.get)
    introduction, chapters = prose.guide(GUIDE.read_text(encoding="utf-8"))
    html = templates.get_template("reference.html").render(
        contents=Contents(schema, links, prose, examples.load()),
        introduction=introduction,
        chapters=chapters,
        version=version(),
    )
    return _file("text/html", html.encode())


@functools.cache
def _examples() -> _File:
    found = {
        name: {"document": example.document, "variables": example.variables}
        for name, example in examples.load().items()
    }
    return _file("application/json", orjson.dumps(found))


def _file(media_type: str, content: bytes) -> _File:
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    return _File(media_type, content, gzip.compress(content, mtime=0), etag)


def _response(request: Request, file: _File) -> Response:
    # A weak tag, since both encodings have it.
    headers = {
        "cache-control": "no-cache",
        "etag": f"W/{file.etag}",
        "vary": "Accept-Encoding, Origin",
    }
    if file.etag in client.known_tags(request.headers):
        return NotModifiedResponse(Response(headers=headers).headers)
    if "gzip" in client.accepted_encodings(request.headers.get("accept-encoding", "")):
        headers["content-encoding"] = "gzip"
        return Response(file.compressed, headers=headers, media_type=file.media_type)
    return Response(file.plain, headers=headers, media_type=file.media_type)
