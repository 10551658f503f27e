"""Tracing, where it is configured: OpenTelemetry is imported only then."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from app import HIDDEN_MODULES
from settings import Settings, SettingsError

if TYPE_CHECKING:
    from app.telemetry.spans import Tracing

_TRACES_ENDPOINT = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")


def start(process: str, settings: Settings) -> Tracing | None:
    """Begin to trace that process (`serve`, `relay`, `worker`); None where it is not configured.

    Raises SettingsError for a protocol other than `http/protobuf`.
    """
    if endpoint(settings) is None:
        return None
    # What stands in `.env` only: OpenTelemetry reads the environment.
    given = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": settings.otel_exporter_otlp_endpoint,
        "OTEL_SERVICE_NAME": settings.otel_service_name,
    }
    if settings.otel_exporter_otlp_headers is not None:
        given["OTEL_EXPORTER_OTLP_HEADERS"] = settings.otel_exporter_otlp_headers.get_secret_value()
    for name, value in given.items():
        if value is not None:
            os.environ.setdefault(name, value)
    for name in HIDDEN_MODULES:
        if sys.modules.get(name, name) is None:
            del sys.modules[name]
    from app.telemetry import spans

    return spans.Tracing.open(process)


def endpoint(settings: Settings) -> str | None:
    """Where spans are sent; None where tracing is not configured or turned off. Raises SettingsError."""
    exporters = os.environ.get("OTEL_TRACES_EXPORTER", "otlp").lower().replace(" ", "").split(",")
    is_off = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    found = os.environ.get(_TRACES_ENDPOINT) or settings.otel_exporter_otlp_endpoint
    if found is None or is_off or "otlp" not in exporters:
        return None
    for name in _PROTOCOLS:
        if os.environ.get(name, "http/protobuf") != "http/protobuf":
            raise SettingsError(f"{name} takes http/protobuf alone; see .env.example.")
    return found
