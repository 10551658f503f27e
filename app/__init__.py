"""The program: wires everything together. No other package imports it."""

import sys

#: redis-py imports these wherever they are installed, which takes 4 MiB, for metrics that we do not use.
#: Hidden until a process is traced (app.telemetry.tracing).
HIDDEN_MODULES = ("opentelemetry.metrics", "opentelemetry.sdk.metrics")

for _name in HIDDEN_MODULES:
    sys.modules.setdefault(_name, None)  # type: ignore[arg-type]
