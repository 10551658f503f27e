"""What operations cost as a database grows: `python -m bench.growth [--sizes 1000,10000]`.

The size of a database is its number of users, and one of them has as many entries. The wallet answers one request
after another on an otherwise idle machine. The medians are written to results/ as JSON and as a plot. Sizes
up to 1,000,000 take about four minutes; 10,000,000 takes about 50 minutes and 32 GB of disk.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import services
from bench.growth.operations import OPERATIONS, measure
from bench.growth.plot import plot
from dev.processes import ServiceError
from settings import ROOT

SIZES = (1_000, 10_000, 100_000, 1_000_000)
RESULTS = ROOT / "bench" / "results"


def show(measured: Mapping[int, Mapping[str, float]], console: Console) -> None:
    """Print a table: milliseconds by operation and size, and the last column relative to the first."""
    table = Table("milliseconds", *(f"{size:,}" for size in measured), "growth")
    for name in OPERATIONS:
        costs = [costs[name] for costs in measured.values()]
        growth = f"{costs[-1] / costs[0]:.2f}"
        table.add_row(name, *(f"{cost:.2f}" for cost in costs), growth)
    console.print(table)


def keep(measured: Mapping[int, Mapping[str, float]], folder: Path) -> Path:
    """Write the figures as JSON and their plot as SVG; returns the path of the plot."""
    stem = f"growth-{datetime.now(UTC):%Y-%m-%d}"
    figures = {"machine": services.processor(), "milliseconds": measured}
    folder.joinpath(f"{stem}.json").write_text(json.dumps(figures, indent=2) + "\n")
    path = folder / f"{stem}.svg"
    path.write_text(plot(measured))
    return path


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description=__doc__)
    parser.add_argument(
        "--sizes",
        type=lambda text: [int(size.replace("_", "")) for size in text.split(",")],
        default=SIZES,
        help="numbers of users, at least 1000 each",
    )
    sizes: Sequence[int] = parser.parse_args().sizes
    if min(sizes) < SIZES[0]:
        parser.error(f"the smallest size is {SIZES[0]}")
    console, measured = Console(), {}
    try:
        with services.running() as stack:
            for size in sizes:
                with console.status(f"{size:,} users and entries …"):
                    measured[size] = measure(stack, size)
    except (ServiceError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    show(measured, console)
    console.print(f"Written to {keep(measured, RESULTS)}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
