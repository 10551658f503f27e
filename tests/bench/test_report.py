"""The report of measurements."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from bench import report
from bench.comparisons import (
    CALL,
    HOT,
    LIMITED,
    MIXED,
    READS,
    STATEMENTS,
    TRANSFERS,
    WALLET,
    Comparison,
)
from bench.measure import Measurement
from bench.report import Report, Target
from bench.search import Found
from bench.subscribers import Delivered

FLOOR = [Measurement(10, per_second) for per_second in (1_000.0, 10.0, 2_000.0)]
OURS = [Measurement(10, rate, p50_ms=5.0, p99_ms=9.0) for rate in (250.0, 250.0, 1.0)]
DELIVERED = Delivered(
    subscribers=5_000, kib_each=20.0, events=100, events_per_second=100,
    p50_ms=3.0, p99_ms=11.0, after_request_p99_ms=12.0,
    relayed_p50_ms=13.0, relayed_p99_ms=14.0,
)  # fmt: skip
FOUND = Found(users=1_000, median_ms=1.0, p99_ms=2.0, scan_ms=400.0)


def test_the_ratio_is_of_medians() -> None:
    comparison = Comparison(TRANSFERS, 32, {STATEMENTS: FLOOR, WALLET: OURS})
    assert comparison.ratio(STATEMENTS) == 0.25
    assert comparison.ratio("somebody else") is None
    assert Report("a machine", {}, [comparison]).rows == [
        ["sendMoney", "32", "1,000", "", "250", "0.25", "", "5.00", "9.00", "", ""]
    ]


def test_targets_say_what_was_reached_and_what_was_missed() -> None:
    rival = {"quick": [Measurement(10, 300.0)], "quick together": [Measurement(10, 900.0)]}
    measured = Report(
        "a machine",
        {},
        [
            Comparison(TRANSFERS, 1, {STATEMENTS: FLOOR, WALLET: OURS}),
            Comparison(TRANSFERS, 32, {STATEMENTS: FLOOR, WALLET: OURS, **rival}),
            Comparison(HOT, 32, {STATEMENTS: OURS, WALLET: FLOOR}),
        ],
        alone=["quick"],
        delivered=DELIVERED,
        search=FOUND,
    )
    assert [
        (target.reach, round(target.measured, 2), target.is_met) for target in measured.targets
    ] == [
        (0.65, 0.25, False),
        (0.9, 0.83, False),
        (3, 4.0, True),
        (300, 400.0, True),
        (40, 20.0, True),
        (10, 11.0, False),
    ]


def test_what_was_not_measured_has_no_target() -> None:
    assert Report("a machine", {}).targets == []


def test_a_bound_from_above_is_reached_below_it() -> None:
    assert Target("memory", 40, 39.1, at_most=True, unit=" KiB").cells == [
        "memory", "at most 40 KiB", "39.1 KiB", "reached",
    ]  # fmt: skip


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
    assert kept["subscribers"]["p99_ms"] == 11.0


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
        STATEMENTS: FLOOR, CALL: FLOOR, WALLET: FLOOR, LIMITED: FLOOR,
        "Mercurius with JIT, shared commits": [Measurement(1, 1e4, p50_ms=111.0, p99_ms=1234.0)],
    }  # fmt: skip
    floor = {STATEMENTS: FLOOR, CALL: FLOOR, WALLET: FLOOR}
    compared = [Comparison(TRANSFERS, 32, rounds), Comparison(MIXED, 32, floor)]
    measured = Report("", {}, compared, alone=list(rounds), delivered=DELIVERED, search=FOUND)
    text = io.StringIO()
    measured.show(Console(file=text, width=80))
    assert "…" not in text.getvalue()
    assert "reached" in text.getvalue()
