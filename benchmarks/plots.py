"""Plots for docs/performance.md, as SVG that looks right on a light page and on a dark one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.runs import Result

INK, OURS = "#7d8590", "#d9480f"
OTHERS = ("#1971c2", "#2f9e44", "#9c36b5", "#e8a100", "#0c8599", "#868e96", "#5c940d")
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "rowlock",  # so that the same figures make the same file
    "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": INK, "xtick.color": INK, "ytick.color": INK,
    "axes.spines.top": False, "axes.spines.right": False, "font.size": 9, "figure.figsize": (7.2, 3.2),
    "legend.frameon": False, "savefig.transparent": True,
}  # fmt: skip


def bars(path: Path, results: Sequence[Result], figure: str, label: str) -> None:
    """One bar for each system and variant that has the figure, the largest on top."""
    having = sorted((r for r in results if figure in r.median), key=lambda r: r.median[figure])
    with mpl.rc_context(STYLE):
        canvas, axes = plt.subplots(figsize=(7.2, 0.8 + 0.28 * len(having)))
        names = [f"{result.system}, {result.variant}" for result in having]
        values = [result.median[figure] for result in having]
        colours = [OURS if result.system == "rowlock" else OTHERS[0] for result in having]
        drawn = axes.barh(names, values, color=colours)
        axes.bar_label(drawn, [f"{value:,.0f}" for value in values], padding=3, color=INK)
        axes.set_xlabel(label)
        _save(path, canvas)


def lines(path: Path, series: Mapping[str, Sequence[tuple[float, float]]], label: str) -> None:
    """One line for each name over the seconds of its run; rowlock's stand out, a second one dashed. A name without
    points has none, but keeps its colour from the others, which so have the same ones in every plot."""
    with mpl.rc_context(STYLE):
        canvas, axes = plt.subplots()
        others, strokes = iter(OTHERS * 2), cycle(("-", "--", ":"))
        for name, points in series.items():
            ours = name.startswith("rowlock")
            colour = OURS if ours else next(others)
            if not points:
                continue
            seconds, values = zip(*points, strict=True)
            axes.plot(
                seconds, values, label=name, color=colour, linewidth=2.2 if ours else 1.3,
                linestyle=next(strokes) if ours else "-",
            )  # fmt: skip
        _frame(axes, label, many=len(series) > 1)
        _save(path, canvas)


def _frame(axes: Axes, label: str, *, many: bool) -> None:
    axes.set_xlabel("seconds")
    axes.set_ylabel(label)
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    if many:
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), borderaxespad=0)


def _save(path: Path, canvas: Figure) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    canvas.savefig(path, bbox_inches="tight", metadata={"Date": None})
    plt.close(canvas)
