"""The results: a table for the terminal, a page and a file to keep."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import targets
from bench.comparisons import CALL, STATEMENTS, WALLET, Comparison
from bench.search import Found
from bench.start import Started
from bench.subscribers import Delivered
from bench.targets import Target, figure

RESULTS = Path(__file__).with_name("results")
LEGEND = (
    "bare: pgbench, each step a prepared statement; call: pgbench, one call of a PL/pgSQL function. "
    "to bare, to call: the wallet's rate divided by theirs, so 2 is twice as many and 0.5 half as many. "
    "p50, p99: until the wallet's answer. /s: operations a second."
)
SERVERS_LEGEND = (
    "wallet to it: the wallet's rate divided by that server's, so above 1 the wallet is ahead and below 1 "
    "the other; the wallet with everything on counts rate limits and writes an access log. Both rivals that "
    "share commits are no realistic deployments: the second does the work of the wallet with everything on."
)


@dataclass
class Report:
    """All measurements and their conditions."""

    machine: str
    conditions: dict[str, str | int]
    comparisons: Sequence[Comparison] = ()
    api_peak_mib: float | None = None
    delivered: Delivered | None = None
    search: Found | None = None
    started: Started | None = None
    #: Of the parts that were measured; empty for all.
    name: str = ""
    taken_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    HEADINGS = (
        "load", "clients", "bare /s", "call /s", "wallet /s", "to bare", "to call",
        "p50 ms", "p99 ms", "API CPU µs", "load CPU µs",
    )  # fmt: skip
    #: The last so many of these.
    CPU_COLUMNS = 2
    SERVER_HEADINGS = ("load", "server", "/s", "wallet to it", "p50 ms", "p99 ms", "server CPU µs")
    TARGET_HEADINGS = ("target", "to reach", "measured", "rounds", "")

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
                    *[figure(each.median(WALLET, name)) for name in names],
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
                    figure(each.median(side, name))
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
        return targets.measured(self.comparisons, self.delivered, self.search, self.started)

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
                f"Search among {found.users:,} users: {found.median('search_ms'):.1f} ms "
                f"(p99 {found.median('search_p99_ms'):.1f} ms); the unindexed ordered scan takes "
                f"{found.median('scan_ms'):,.0f} ms, {found.ratio.median:,.0f} times as long."
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
        """Write `results/<date>.json` and `.md`, with the parts in their names unless all were measured;
        returns the path of the page.
        """
        RESULTS.mkdir(exist_ok=True)
        name = f"{self.taken_at:%Y-%m-%d}{self.name and f'-{self.name}'}"
        page = RESULTS / f"{name}.md"
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
            else {**asdict(self.search), "ratio": asdict(self.search.ratio)},
            "start": None if self.started is None else asdict(self.started),
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
        table.add_column(
            words,
            justify="left" if is_text else "right",
            no_wrap=heading not in ("server", "target"),
        )
    for row in rows:
        table.add_row(*row)
    return table


def _markdown(headings: Sequence[str], rows: Sequence[Sequence[str]], align: str) -> list[str]:
    return [
        f"| {' | '.join(headings)} |",
        f"|{align * len(headings)}",
        *[f"| {' | '.join(row)} |" for row in rows],
    ]
