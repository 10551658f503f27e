"""A plot of the costs by size."""

from __future__ import annotations

from collections.abc import Mapping

import vl_convert

from bench.growth.operations import OPERATIONS

#: Colour-blind readers can tell these apart too.
_COLORS = (
    "#0072b2", "#e69f00", "#009e73", "#d55e00", "#56b4e9", "#cc79a7", "#000000", "#999999", "#7b3294",
    "#8c510a",
)  # fmt: skip


def plot(measured: Mapping[int, Mapping[str, float]]) -> str:
    """An SVG of the cost of each operation by size, both axes logarithmic."""
    points = [
        {"operation": name, "size": size, "ms": round(costs[name], 3)}
        for size, costs in measured.items()
        for name in OPERATIONS
    ]
    size = {"field": "size", "type": "quantitative", "scale": {"type": "log"}}
    ms = {"field": "ms", "type": "quantitative", "scale": {"type": "log"}}
    operation = {
        "field": "operation", "type": "nominal", "title": None, "scale": {"range": _COLORS},
        "sort": list(OPERATIONS),
        # The fonts of some browsers are wider than the one that the places are calculated for.
        "legend": {"orient": "bottom", "columns": 2, "columnPadding": 40, "labelLimit": 300},
    }  # fmt: skip
    rendered: str = vl_convert.vegalite_to_svg(
        {
            "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
            "background": "white",
            "width": 720,
            "height": 420,
            "data": {"values": points},
            "mark": {"type": "line", "point": True},
            "encoding": {
                "x": {
                    **size,
                    "title": "users, and entries of one of them",
                    "axis": {"format": ",d", "values": list(measured)},
                },
                "y": {**ms, "title": "milliseconds"},
                "color": operation,
            },
        }
    )
    return rendered
