"""What the benchmark says at the end: a table for the terminal, a page and a file to keep."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.measure import Measurement, median
from bench.search import Found

RESULTS = Path(__file__).with_name("results")


@dataclass(frozen=True)
class Comparison:
    """The rounds of both sides at one number of connections."""

    connections: int
    bare: Sequence[Measurement]
    wallet: Sequence[Measurement]

    @property
    def bare_per_second(self) -> float:
        return median([each.per_second for each in self.bare]) or 0.0

    @property
    def wallet_per_second(self) -> float:
        return median([each.per_second for each in self.wallet]) or 0.0

    @property
    def ratio(self) -> float:
        return self.wallet_per_second / self.bare_per_second

    @property
    def cells(self) -> list[str]:
        p50, p99 = (
            median([getattr(m, name) for m in self.wallet]) for name in ("p50_ms", "p99_ms")
        )
        return [
            str(self.connections),
            f"{self.bare_per_second:,.0f}",
            f"{self.wallet_per_second:,.0f}",
            f"{self.ratio:.2f}",
            f"{p50:.1f}",
            f"{p99:.1f}",
        ]


@dataclass(frozen=True)
class Report:
    """Everything that was measured, and on what."""

    machine: str
    conditions: Mapping[str, str | int]
    transfers: Sequence[Comparison]
    api_peak_mib: float | None
    search: Found

    HEADINGS = (
        "connections", "pgbench transfers/s", "sendMoney/s", "ratio", "p50 ms", "p99 ms",
    )  # fmt: skip

    @property
    def search_sentence(self) -> str:
        found = self.search
        return (
            f"Search among {found.people:,} people: {found.median_ms:.1f} ms (p99 {found.p99_ms:.1f} ms); "
            f"the unindexed ordered scan takes {found.scan_ms:,.0f} ms, {found.ratio:,.0f} times as long."
        )

    def show(self, console: Console) -> None:
        table = Table(title="sendMoney over HTTP, against the same transfer by pgbench")
        for heading in self.HEADINGS:
            table.add_column(heading, justify="right")
        for comparison in self.transfers:
            table.add_row(*comparison.cells)
        console.print(table)
        if self.api_peak_mib is not None:
            console.print(f"The API process has had at most {self.api_peak_mib:.0f} MiB of memory.")
        console.print(self.search_sentence)

    def keep(self) -> Path:
        """Write `results/<date>.json` and `.md`; the page's path. Only ratios travel to other machines."""
        RESULTS.mkdir(exist_ok=True)
        now = datetime.now(UTC)
        page = RESULTS / f"{now:%Y-%m-%d}.md"
        page.with_suffix(".json").write_text(json.dumps(self._as_json(now), indent=2) + "\n")
        page.write_text("\n".join(self._lines(now)) + "\n")
        return page

    def _as_json(self, now: datetime) -> dict[str, object]:
        return {
            "measured_at": now.isoformat(timespec="seconds"),
            "machine": self.machine,
            "conditions": dict(self.conditions),
            "transfers": [{**asdict(each), "ratio": each.ratio} for each in self.transfers],
            "api_peak_mib": self.api_peak_mib,
            "search": {**asdict(self.search), "ratio": self.search.ratio},
        }

    def _lines(self, now: datetime) -> list[str]:
        conditions = ", ".join(f"{name}: {value}" for name, value in self.conditions.items())
        lines = [
            f"# {now:%Y-%m-%d}",
            "",
            f"{self.machine}. {conditions}. Medians; only the ratios mean something elsewhere.",
            "",
            f"| {' | '.join(self.HEADINGS)} |",
            f"|{' --: |' * len(self.HEADINGS)}",
            *[f"| {' | '.join(comparison.cells)} |" for comparison in self.transfers],
            "",
        ]
        if self.api_peak_mib is not None:
            lines += [f"Peak memory of the API process: {self.api_peak_mib:.0f} MiB.", ""]
        return [*lines, self.search_sentence]
