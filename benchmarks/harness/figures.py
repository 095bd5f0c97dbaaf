"""What is measured: figures by name, how each is shown, and the median over the runs."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.harness.costs import Costs

WHOLE = 100  # from where on decimals are noise


@dataclass(frozen=True)
class Figure:
    """One kind of figure: its heading, its unit, and the decimals that mean something below a hundred; none above."""

    heading: str
    unit: str = ""
    decimals: int = 0

    def shown(self, value: float) -> str:
        return f"{value:,.{self.decimals if abs(value) < WHOLE else 0}f}"

    @property
    def title(self) -> str:
        return f"{self.heading} ({self.unit})" if self.unit else self.heading


FIGURES: dict[str, Figure] = {
    "rate": Figure("rate", "tasks/s"),
    "p50_ms": Figure("p50", "ms", 2),
    "p95_ms": Figure("p95", "ms", 2),
    "p99_ms": Figure("p99", "ms", 2),
    "slowest_ms": Figure("slowest", "ms", 2),
    "asked_p50_ms": Figure("p50 from the call", "ms", 2),
    "asked_p99_ms": Figure("p99 from the call", "ms", 2),
    "client_cpu_us": Figure("CPU of our processes", "µs/task", 1),
    "server_cpu_us": Figure("CPU of PostgreSQL", "µs/task", 1),
    "wal_bytes": Figure("WAL", "bytes/task"),
    "commits": Figure("commits", "per task", 4),
    "blocks": Figure("buffers", "per task", 2),
    "dead_tuples": Figure("dead rows at the end"),
    "claim_us": Figure("claim", "µs/task", 1),
    "complete_us": Figure("complete", "µs/task", 1),
    "second_slice": Figure("rate early", "tasks/s"),
    "last_slice": Figure("rate at the end", "tasks/s"),
    "kept": Figure("end / early", "%"),
    "first_minute_p99_ms": Figure("claim p99 early", "ms", 2),
    "last_minute_p99_ms": Figure("claim p99 at the end", "ms", 2),
    "backlog_max": Figure("largest backlog", "tasks"),
    "backlog_end": Figure("backlog at the end", "tasks"),
    "attempts": Figure("attempts", "per task", 2),
    "first_task_ms": Figure("a new tenant's first task, slowest", "ms"),
    "megabytes": Figure("payload", "MB/s", 1),
    "rss_mb": Figure("RSS", "MB", 1),
    "rss_growth_mb": Figure("RSS growth", "MB", 1),
    "cpu_percent": Figure("CPU", "%", 2),
    "transactions": Figure("transactions", "per s", 2),
}

COSTS = ("client_cpu_us", "server_cpu_us", "wal_bytes")


@dataclass(frozen=True)
class Measured:
    """One run: figures by name, and where the work is spread over time, a timeline of (seconds, value)."""

    figures: dict[str, float]
    timelines: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {"figures": self.figures, "timelines": self.timelines}


def from_costs(costs: Costs, **others: float) -> dict[str, float]:
    """The figures that every piece of work has, and others."""
    every = {"rate": costs.rate, **{name: getattr(costs, name) for name in COSTS}, **others}
    return {name: value for name, value in every.items() if not math.isnan(value)}


def median_of(runs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The median of each figure over the runs that have it."""
    names = dict.fromkeys(name for run in runs for name in run)
    return {name: statistics.median(run[name] for run in runs if name in run) for name in names}


def percentiles(seconds: Iterable[float]) -> dict[str, float]:
    """p50, p95 and p99 of durations, in milliseconds."""
    ordered = sorted(seconds)
    return {f"p{percent}_ms": 1000 * percentile(ordered, percent) for percent in (50, 95, 99)}


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Of sorted values: the smallest that so many per cent do not exceed."""
    if not ordered:
        return float("nan")
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]
