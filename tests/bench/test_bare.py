"""Parsing pgbench's output."""

from __future__ import annotations

import pytest

from bench import bare
from bench.comparisons import MIXED, READS, TRANSFERS

SUMMARY = """
number of transactions actually processed: 400
number of failed transactions: 0 (0.000%)
latency average = 7.500 ms
initial connection time = 12.018 ms
tps = 100.000000 (without initial connection time)
"""
OF_EACH = """
SQL script 1: /bench/transfer.sql
 - weight: 1 (targets 20.0% of total)
 - 81 transactions (20.2% of total, tps = 20.25)
SQL script 2: /bench/read.sql
 - weight: 4 (targets 80.0% of total)
 - 319 transactions (79.8% of total, tps = 79.75)
"""


def test_the_first_second_does_not_count() -> None:
    progress = "progress: 1.0 s, 40.0 tps, lat 7.0 ms\nprogress: 2.0 s, 120.0 tps, lat 7.0 ms\n"
    measured = bare.measured(SUMMARY, progress, TRANSFERS.scripts, 3)
    assert (measured.operations, measured.per_second) == (360, 120.0)
    assert (measured.moved, measured.mean_ms) == (400, 7.5)


@pytest.mark.parametrize(
    "progress", ["", "progress: 3.9 s, 100.0 tps", "progress: 4.5 s, 99.0 tps"]
)
def test_everything_counts_if_the_first_second_was_reported_late(progress: str) -> None:
    measured = bare.measured(SUMMARY, progress, TRANSFERS.scripts, 3)
    assert (measured.operations, measured.per_second) == (400, 100.0)


def test_transfers_among_others_are_counted_by_their_script() -> None:
    assert bare.measured(SUMMARY + OF_EACH, "", MIXED.scripts, 3).moved == 81
    assert bare.measured(SUMMARY, "", READS.scripts, 3).moved == 0
