"""The results: a table for the terminal, a page and a file to keep."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.comparisons import (
    CALL,
    CONNECTIONS,
    HOT,
    STATEMENTS,
    TRANSFERS,
    WALLET,
    Comparison,
)
from bench.search import Found
from bench.subscribers import Delivered

RESULTS = Path(__file__).with_name("results")
LEGEND = (
    "bare: pgbench, each step a prepared statement; call: pgbench, one call of a PL/pgSQL function. "
    "to bare, to call: the wallet's rate divided by theirs, so 2 is twice as many and 0.5 half as many. "
    "p50, p99: until the wallet's answer. /s: operations a second."
)
SERVERS_LEGEND = (
    "wallet to it: the wallet's rate divided by that server's, so above 1 the wallet is ahead and below 1 "
    "the other. Targets leave out the rival that shares commits, which is not a realistic deployment."
)


@dataclass(frozen=True, slots=True)
class Target:
    """A target and the value that was measured."""

    name: str
    reach: float
    measured: float
    at_most: bool = False
    unit: str = ""

    @property
    def is_met(self) -> bool:
        return self.measured <= self.reach if self.at_most else self.measured >= self.reach

    @property
    def cells(self) -> list[str]:
        bound = "at most" if self.at_most else "at least"
        verdict = "reached" if self.is_met else "missed"
        return [
            self.name,
            f"{bound} {self.reach:g}{self.unit}",
            f"{_figure(self.measured)}{self.unit}",
            verdict,
        ]


@dataclass(frozen=True)
class Report:
    """All measurements and their conditions."""

    machine: str
    conditions: Mapping[str, str | int]
    comparisons: Sequence[Comparison] = ()
    #: Names of the rivals that commit each request separately.
    alone: Sequence[str] = ()
    api_peak_mib: float | None = None
    delivered: Delivered | None = None
    search: Found | None = None
    taken_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    HEADINGS = (
        "load", "clients", "bare /s", "call /s", "wallet /s", "to bare", "to call",
        "p50 ms", "p99 ms", "API CPU µs", "load CPU µs",
    )  # fmt: skip
    #: The last so many of these.
    CPU_COLUMNS = 2
    SERVER_HEADINGS = ("load", "server", "/s", "wallet to it", "p50 ms", "p99 ms", "server CPU µs")
    TARGET_HEADINGS = ("target", "to reach", "measured", "")

    @property
    def rows(self) -> list[list[str]]:
        """A row for each comparison of the wallet with the baseline."""
        rows = []
        for each in self.comparisons:
            rates = [each.median(side) for side in (STATEMENTS, CALL, WALLET)]
            ratios = [each.ratio(side) for side in (STATEMENTS, CALL)]
            names = ("p50_ms", "p99_ms", "server_cpu_us", "load_cpu_us")
            rows.append(
                [
                    each.kind.name,
                    str(each.connections),
                    *["" if rate is None else f"{rate:,.0f}" for rate in rates],
                    *["" if ratio is None else f"{ratio:.2f}" for ratio in ratios],
                    *[_figure(each.median(WALLET, name)) for name in names],
                ]
            )
        return rows

    @property
    def server_rows(self) -> list[list[str]]:
        """A row for each server under the same load, the wallet's first; none if there are no others."""
        return [
            [
                f"{each.kind.name}, {each.connections}",
                side,
                f"{each.median(side) or 0:,.0f}",
                "" if side == WALLET else f"{each.ratio(side) or 0:.2f}",
                *[
                    _figure(each.median(side, name))
                    for name in ("p50_ms", "p99_ms", "server_cpu_us")
                ],
            ]
            for each in self.comparisons
            if each.others
            for side in (WALLET, *each.others)
        ]

    @property
    def targets(self) -> list[Target]:
        """The targets that were measured in this run."""
        found = []
        for each in self.comparisons:
            if each.connections != CONNECTIONS:
                continue
            if each.kind is TRANSFERS:
                found.append((f"sendMoney to {STATEMENTS}", 0.65, each.ratio(STATEMENTS)))
                best = [ratio for name in self.alone if (ratio := each.ratio(name)) is not None]
                lowest = min(best, default=None)
                found.append(("sendMoney to the best rival", 0.9, lowest))
            elif each.kind is HOT:
                found.append((f"everyone pays one, to {STATEMENTS}", 3, each.ratio(STATEMENTS)))
        if self.search is not None:
            found.append(("search to an unindexed scan", 300, self.search.ratio))
        targets = [Target(name, reach, got) for name, reach, got in found if got is not None]
        if self.delivered is not None:
            if self.delivered.kib_each is not None:
                memory = self.delivered.kib_each
                targets.append(Target("memory of a subscription", 40, memory, True, " KiB"))
            late = self.delivered.p99_ms
            targets.append(Target("delivery to one, p99", 10, late, True, " ms"))
        return targets

    @property
    def sentences(self) -> list[str]:
        said = []
        if self.api_peak_mib is not None:
            said.append(
                f"Under these loads the API process used at most {self.api_peak_mib:.0f} MiB."
            )
        if self.delivered is not None:
            said += self.delivered.sentences
        if self.search is not None:
            found = self.search
            said.append(
                f"Search among {found.users:,} users: {found.median_ms:.1f} ms "
                f"(p99 {found.p99_ms:.1f} ms); the unindexed ordered scan takes {found.scan_ms:,.0f} ms, "
                f"{found.ratio:,.0f} times as long."
            )
        return said

    def show(self, console: Console) -> None:
        shown: list[Table | str] = []
        if self.comparisons:
            # A terminal is narrower than a page.
            columns = len(self.HEADINGS) - self.CPU_COLUMNS
            rows = [row[:columns] for row in self.rows]
            shown += [_table(self.HEADINGS[:columns], rows), LEGEND]
        if self.server_rows:
            rows = [row[:-1] for row in self.server_rows]
            shown += [_table(self.SERVER_HEADINGS[:-1], rows), SERVERS_LEGEND]
        if self.targets:
            shown.append(_table(self.TARGET_HEADINGS, [target.cells for target in self.targets]))
        for each in (*shown, *self.sentences):
            console.print()
            console.print(each, highlight=False)

    def keep(self) -> Path:
        """Write `results/<date>.json` and `.md`; returns the path of the page."""
        RESULTS.mkdir(exist_ok=True)
        page = RESULTS / f"{self.taken_at:%Y-%m-%d}.md"
        page.with_suffix(".json").write_text(json.dumps(self._as_json(), indent=2) + "\n")
        page.write_text("\n".join(self._lines()) + "\n")
        return page

    def _as_json(self) -> dict[str, object]:
        return {
            "measured_at": self.taken_at.isoformat(timespec="seconds"),
            "machine": self.machine,
            "conditions": dict(self.conditions),
            "loads": [
                {
                    "load": each.kind.name,
                    "connections": each.connections,
                    "rounds": {
                        side: [asdict(one) for one in rounds]
                        for side, rounds in each.rounds.items()
                    },
                    "ratios": {side: each.ratio(side) for side in each.rounds if side != WALLET},
                }
                for each in self.comparisons
            ],
            "api_peak_mib": self.api_peak_mib,
            "subscribers": None if self.delivered is None else asdict(self.delivered),
            "search": None
            if self.search is None
            else {**asdict(self.search), "ratio": self.search.ratio},
            "targets": [{**asdict(each), "is_met": each.is_met} for each in self.targets],
        }

    def _lines(self) -> list[str]:
        conditions = ", ".join(f"{name}: {value}" for name, value in self.conditions.items())
        lines = [
            f"# {self.taken_at:%Y-%m-%d}",
            "",
            f"{self.machine}. {conditions}. Medians; only the ratios are comparable between machines.",
            "",
            *_markdown(self.TARGET_HEADINGS, [target.cells for target in self.targets], " :-- |"),
        ]
        if self.comparisons:
            lines += ["", *_markdown(self.HEADINGS, self.rows, " --: |"), "", LEGEND]
        if self.server_rows:
            lines += ["", *_markdown(self.SERVER_HEADINGS, self.server_rows, " --: |")]
            lines += ["", SERVERS_LEGEND]
        for sentence in self.sentences:
            lines += ["", sentence]
        return lines


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for heading in headings:
        is_text = heading in ("load", "server", "target", "")
        # One word per line: a terminal is narrow.
        words = heading.replace(" ", "\n")
        table.add_column(words, justify="left" if is_text else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table


def _markdown(headings: Sequence[str], rows: Sequence[Sequence[str]], align: str) -> list[str]:
    return [
        f"| {' | '.join(headings)} |",
        f"|{align * len(headings)}",
        *[f"| {' | '.join(row)} |" for row in rows],
    ]


def _figure(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
