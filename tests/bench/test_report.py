"""The report of measurements."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from bench import report, search
from bench.comparisons import (
    CALL,
    DEPLOYED,
    EVERYTHING,
    MIXED,
    PAGE,
    READS,
    SAME_WORK,
    SHARED,
    STATEMENTS,
    TRANSFERS,
    WALLET,
    Comparison,
)
from bench.measure import Measurement
from bench.report import Report
from bench.search import Found
from bench.subscribers import Delivered, Times

FLOOR = [Measurement(10, per_second) for per_second in (1_000.0, 10.0, 2_000.0)]
OURS = [Measurement(10, rate, p50_ms=5.0, p99_ms=9.0) for rate in (250.0, 250.0, 1.0)]
DELIVERED = Delivered(
    subscribers=5_000, kib_each=20.0, events=100, events_per_second=100,
    rounds=[Times(3.0, 11.0, 12.0)], relayed=[Times(13.0, 14.0, 15.0)],
)  # fmt: skip
FOUND = Found(users=1_000, rounds=[search.Round(search_ms=1.0, search_p99_ms=2.0, scan_ms=800.0)])


def test_the_ratio_is_of_medians() -> None:
    comparison = Comparison(TRANSFERS, 32, {STATEMENTS: FLOOR, WALLET: OURS})
    assert comparison.ratio(STATEMENTS) == 0.25
    assert comparison.ratio("somebody else") is None
    assert Report("a machine", {}, [comparison]).rows == [
        ["sendMoney", "32", "1,000", "", "250", "0.25", "", "5.00", "9.00", "", ""]
    ]


def test_a_report_is_written_as_a_page_and_as_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    comparison = Comparison(TRANSFERS, 32, {STATEMENTS: FLOOR, WALLET: OURS})
    page = Report(
        "a machine", {"rounds": 3}, [comparison], delivered=DELIVERED, search=FOUND
    ).keep()
    assert "| sendMoney | 32 | 1,000 |" in page.read_text()
    assert "missed" in page.read_text()
    kept = json.loads(page.with_suffix(".json").read_text())
    assert kept["loads"][0]["ratios"] == {STATEMENTS: 0.25}
    assert len(kept["loads"][0]["rounds"][WALLET]) == 3
    assert kept["subscribers"]["rounds"][0]["p99_ms"] == 11.0


def test_a_run_of_some_parts_leaves_the_results_of_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    everything, some = Report("", {}), Report("", {}, name="hot-reads")
    assert some.keep().name == f"{everything.keep().stem}-hot-reads.md"


def test_other_servers_are_listed_by_load() -> None:
    measured = Report(
        "a machine", {},
        [
            Comparison(TRANSFERS, 8, {STATEMENTS: FLOOR, WALLET: OURS}),
            Comparison(READS, 32, {WALLET: OURS, "quick": [Measurement(10, 500.0)]}),
        ],
    )  # fmt: skip
    assert [row[:4] for row in measured.server_rows] == [
        ["viewer, 32", "wallet", "250", ""],
        ["viewer, 32", "quick", "500", "0.50"],
    ]


def test_delivery_is_reported_in_both_ways() -> None:
    one, other = DELIVERED.sentences
    assert "3.0 ms (p99 11.0 ms)" in one
    assert "relay" in other
    assert "13.0 ms (p99 14.0 ms)" in other


def test_a_page_says_what_its_columns_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    rounds = {STATEMENTS: FLOOR, WALLET: OURS, "quick": OURS}
    page = Report("a machine", {}, [Comparison(TRANSFERS, 32, rounds)]).keep().read_text()
    assert report.LEGEND in page
    assert report.SERVERS_LEGEND in page


def test_all_columns_fit_on_a_terminal() -> None:
    rounds = {
        STATEMENTS: FLOOR, CALL: FLOOR, WALLET: FLOOR, EVERYTHING: FLOOR, SAME_WORK: FLOOR,
        SHARED: [Measurement(1, 1e4, p50_ms=111.0, p99_ms=1234.0)] * 3,
    }  # fmt: skip
    pages = {
        WALLET: FLOOR, **{each: [Measurement(1, 1e4, p50_ms=111.0, p99_ms=1234.0)] * 3 for each in DEPLOYED}
    }  # fmt: skip
    floor = {STATEMENTS: FLOOR, CALL: FLOOR, WALLET: FLOOR}
    compared = [
        Comparison(TRANSFERS, 32, rounds),
        Comparison(MIXED, 32, floor),
        Comparison(PAGE, 32, pages),
    ]
    measured = Report("", {}, compared, delivered=DELIVERED, search=FOUND)
    text = io.StringIO()
    measured.show(Console(file=text, width=80))
    assert "…" not in text.getvalue()
    assert "reached" in text.getvalue()
