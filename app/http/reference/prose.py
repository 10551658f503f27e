"""Markdown as HTML: descriptions and the guide, with types linked and code coloured."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from markupsafe import Markup, escape
from pygments import highlight, lexers
from pygments.formatters import HtmlFormatter
from pygments.util import ClassNotFound

from app.http.reference.links import Links

#: A type's name in running text: more than one capital, since `Money` and `User` are words too.
_CAMEL = re.compile(r"\b[A-Z][a-z0-9]+(?:[A-Z][A-Za-z0-9]*)+\b")
_FORMATTER = HtmlFormatter(nowrap=True)


@dataclass(frozen=True, slots=True)
class Chapter:
    """A part of the guide, from one heading of the second level to the next."""

    id: str
    title: str
    html: Markup


class Prose:
    """Renders Markdown of ours. HTML in it is text."""

    def __init__(self, links: Links, addresses: Callable[[str], str | None]) -> None:
        """`addresses` gives where a relative link of the guide leads here; None drops the link."""
        self._links = links
        self._addresses = addresses
        self._markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
        renderer = self._markdown.renderer
        assert isinstance(renderer, RendererHTML)
        rules: dict[str, Any] = {
            "code_inline": self._code_inline,
            "text": self._text,
            "fence": self._fence,
            "link_open": self._link_open,
            "link_close": self._link_close,
        }
        renderer.rules.update(rules)

    def block(self, text: str | None, within: str = "") -> Markup:
        """Paragraphs. A text of the type `within` may name its fields alone."""
        html = self._markdown.render(text or "", {"within": within})
        return Markup(html)  # noqa: S704 - made of escaped parts.

    def inline(self, text: str | None, within: str = "") -> Markup:
        """The same without a paragraph around it."""
        html = self._markdown.renderInline(text or "", {"within": within})
        return Markup(html)  # noqa: S704

    def guide(self, text: str) -> tuple[Markup, list[Chapter]]:
        """The introduction of a page without its title, and its chapters."""
        before, *parts = re.split(r"(?m)^## (.+)\n", text)
        introduction = re.sub(r"(?m)\A# .+\n", "", before)
        chapters = [
            Chapter(anchor(title), title, self.block(body))
            for title, body in zip(parts[::2], parts[1::2], strict=True)
        ]
        return self.block(introduction), chapters

    # ------------------------------------------------------------ rules of the renderer

    def _code_inline(
        self, tokens: Sequence[Token], index: int, _options: OptionsDict, env: EnvType
    ) -> str:
        text = tokens[index].content
        is_in_link = any(token.type == "link_open" for token in tokens[:index]) and any(
            token.type == "link_close" for token in tokens[index:]
        )
        return (
            f"<code>{escape(text) if is_in_link else self._links.name(text, env['within'])}</code>"
        )

    def _text(self, tokens: Sequence[Token], index: int, *_: object) -> str:
        text = str(escape(tokens[index].content))
        return _CAMEL.sub(lambda match: str(self._links.name(match[0])), text)

    def _fence(self, tokens: Sequence[Token], index: int, *_: object) -> str:
        token = tokens[index]
        return str(code(token.content.rstrip("\n"), token.info.strip()))

    def _link_open(
        self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
    ) -> str:
        token = tokens[index]
        target = self._target(str(token.attrGet("href") or ""))
        if target is None:
            return "<span>"
        token.attrSet("href", target)
        return RendererHTML().renderToken(tokens, index, options, env)

    def _link_close(self, tokens: Sequence[Token], index: int, *_: object) -> str:
        opened = next(token for token in reversed(tokens[:index]) if token.type == "link_open")
        is_dropped = self._target(str(opened.attrGet("href") or "")) is None
        return "</span>" if is_dropped else "</a>"

    def _target(self, href: str) -> str | None:
        if href.startswith(("#", "/", "http://", "https://")):
            return href
        return self._addresses(href)


def anchor(title: str) -> str:
    """The id of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def code(text: str, language: str) -> Markup:
    """A block of code in colours."""
    try:
        lexer = lexers.get_lexer_by_name(language or "text")
    except ClassNotFound:
        lexer = lexers.get_lexer_by_name("text")
    coloured = highlight(text, lexer, _FORMATTER).rstrip("\n")
    return Markup('<pre class="code" translate="no"><code>{}</code></pre>').format(
        Markup(coloured)  # noqa: S704 - Pygments escapes.
    )
