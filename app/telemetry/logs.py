"""Structured logs: JSON lines, or readable ones in a terminal, with every secret left out."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TextIO, cast

import orjson
import structlog

from app.telemetry.lines import Lines
from domain.people import accounts

_SECRET_KEYS = re.compile(r"password|token|secret|authorization|cookie|signature", re.IGNORECASE)
_SECRETS = re.compile(
    r"(?P<jwt>\beyJ[\w-]+\.[\w-]+\.[\w-]*)"
    r"|(?P<api_token>\bmw_[\w-]{8,})"
    r"|(?P<parameter>\b(?:token|password|secret|signature)=)[^&\s\"']+"
    r"|(?P<scheme>\bBearer )[^\s\"',]+"
    r"|(?P<link>/(?:statements|exports|r)/)[\w-]{40,}"
    r"|(?P<url_password>://[^/\s:@]*:)[^/\s@]+@"
    r"|(?P<address>[\w.+%'-]+@(?:[\w-]+\.)+\w{2,})",
    re.IGNORECASE,
)
REDACTED = "[redacted]"
#: Types of fields that are logged as they are, unless they contain secrets.
_PLAIN = frozenset({str, int, float})
#: What contains none of these contains no secret.
_SIGNS = ("@", "=", "eyJ", "mw_", "earer ", "/statements/", "/exports/", "/r/")
#: uvicorn's error message for a WebSocket that the application refused with a response.
_REFUSED_SOCKET = "ASGI callable returned without completing handshake."


def configure(level: str = "INFO") -> None:
    """Route structlog and the standard library's logging through one pipeline to standard output."""
    pretty = sys.stdout.isatty()
    lines = Lines(sys.stdout)
    stream = cast(TextIO, lines)
    access.is_on = logging.getLevelNamesMapping()[level] <= logging.INFO
    access.lines = None if pretty else lines
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    rendering: list[structlog.typing.Processor] = [
        structlog.processors.format_exc_info,
        redact,
        structlog.dev.ConsoleRenderer() if pretty else _render_json,
    ]
    # Flushed at the exit of the process, as every handler, and `stream` with it.
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
        logger.setLevel(logging.WARNING if name == "uvicorn.error" else logging.NOTSET)
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    for name in ("httpx", "httpcore", "stripe"):
        # A line for every request.
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, *rendering],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )


def _is_news(record: logging.LogRecord) -> bool:
    return record.msg != _REFUSED_SOCKET


class AccessLog:
    """Logs the requests that were served, one line for each."""

    def __init__(self) -> None:
        self.is_on = True
        #: Where JSON is written; None where requests are logged as everything else is.
        self.lines: Lines | None = None

    def served(self, fields: Mapping[str, Any]) -> None:
        """Log a request with those fields and what is bound to its context.

        The line is that of `log.info`, for a fourth of its processor time.
        """
        if not self.is_on:
            return
        if self.lines is None:
            structlog.get_logger().info("request", **fields)
            return
        event = {
            **fields,
            "event": "request",
            **structlog.contextvars.get_contextvars(),
            "level": "info",
            "timestamp": datetime.now(UTC),
        }
        line = _render_json(None, "info", event)
        types = tuple(map(type, fields.values()))
        if _may_contain_secrets(line) or not _are_plain(tuple(fields), types):
            line = _render_json(None, "info", redact(None, "info", event))
        self.lines.write_soon(f"{line}\n")


access = AccessLog()


@lru_cache(maxsize=1_000)
def _are_plain(names: tuple[str, ...], types: tuple[type, ...]) -> bool:
    """Whether fields of those names and types are logged as they are."""
    return _PLAIN.issuperset(types) and not any(map(_is_secret, names))


def redact(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Remove secrets, and reduce email addresses to their hints, in all fields."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = REDACTED if _is_secret(key) else clean(value)
        elif _is_secret(key) and value is not None and not isinstance(value, (bool, int)):
            event[key] = REDACTED
        elif isinstance(value, (list, tuple, dict, BaseException)):
            event[key] = clean(str(value))
    return event


def clean(text: str) -> str:
    """The text without tokens, passwords in service URLs, and complete email addresses."""
    return _SECRETS.sub(_replace, text) if _may_contain_secrets(text) else text


@lru_cache(maxsize=1_000)
def _is_secret(key: str) -> bool:
    return _SECRET_KEYS.search(key) is not None


def _may_contain_secrets(text: str) -> bool:
    # A generator would take three times as long, and an expression four times.
    for sign in _SIGNS:  # noqa: SIM110
        if sign in text:
            return True
    return False


def _replace(match: re.Match[str]) -> str:
    if match["parameter"]:
        return f"{match['parameter']}{REDACTED}"
    if match["scheme"]:
        return f"{match['scheme']}{REDACTED}"
    if match["link"]:
        return f"{match['link']}{REDACTED}"
    if match["url_password"]:
        return f"{match['url_password']}{REDACTED}@"
    if match["address"]:
        return accounts.email_hint(match["address"])
    return REDACTED


def _render_json(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_UTC_Z).decode()
