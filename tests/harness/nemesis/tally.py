"""Adds up the verdicts of a run to the figures that `docs/reliability.md` shows, and says which bars they miss."""

from __future__ import annotations

import os
import platform
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import orjson
from tests.harness.nemesis.verdict import LOST, STUCK, TWICE, Verdict

FIGURES = Path(__file__).parents[3] / "docs" / "reliability.json"
FULL_RUN = 200
LEAST_FAULTS, LEAST_KINDS, LEAST_TASKS = 1_000, 16, 100_000
LONGEST_MINUTES = 60


@dataclass(frozen=True)
class Bar:
    """A recovery and the most that it may take."""

    name: str
    most: float
    unit: str = "s"


CLAIMABLE = "dead worker's tasks claimable, beyond the lease"
BARS = (
    Bar(CLAIMABLE, 2),
    Bar("first claim after PostgreSQL returns", 5),
    Bar("new leader", 15),
    Bar("disk freed to work", 10),
    Bar("leases left after SIGTERM", 0, ""),
)


@dataclass
class Tally:
    """The figures of a run, so far."""

    first_seed: int
    histories: int = 0
    failed: list[int] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    tasks: int = 0
    attempts: int = 0
    lost: int = 0
    twice: int = 0
    stuck: int = 0
    other: int = 0
    recovery: dict[str, list[float]] = field(default_factory=dict)

    def add(self, verdict: Verdict) -> None:
        self.histories += 1
        self.faults.update(verdict.faults)
        self.tasks += verdict.tasks
        self.attempts += verdict.attempts
        self.lost += verdict.broken(LOST)
        self.twice += verdict.broken(TWICE)
        self.stuck += max(len(verdict.stuck), verdict.broken(STUCK))
        known = verdict.broken((*LOST, *TWICE, *STUCK))
        self.other += len(verdict.violations) - known + len(verdict.surprises)
        for name, seconds in verdict.recovery.items():
            self.recovery.setdefault(name, []).extend(seconds)
        if not verdict.clean:
            self.failed.append(verdict.seed)

    @property
    def slow(self) -> list[str]:
        """Recoveries that took longer than they may."""
        return [
            f"{bar.name}: {max(self.recovery[bar.name]):.2f} {bar.unit}, and at most {bar.most:g} {bar.unit} is allowed"
            for bar in BARS
            if self.recovery.get(bar.name) and max(self.recovery[bar.name]) > bar.most
        ]

    def short_of(self, minutes: float) -> list[str]:
        """What a whole run owes beside being clean."""
        owed = {
            f"{LEAST_FAULTS:,} faults": self.faults.total() >= LEAST_FAULTS,
            f"{LEAST_KINDS} kinds of faults": len(self.faults) >= LEAST_KINDS,
            f"{LEAST_TASKS:,} tasks": self.tasks >= LEAST_TASKS,
            f"at most {LONGEST_MINUTES} minutes": minutes <= LONGEST_MINUTES,
            **{f"a measurement of: {bar.name}": bool(self.recovery.get(bar.name)) for bar in BARS},
        }
        return [what for what, reached in owed.items() if not reached] if self.histories >= FULL_RUN else []

    def figures(self, minutes: float) -> dict[str, Any]:
        return {
            "on": date.today().isoformat(),  # noqa: DTZ011 - a date for people
            "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
            "first_seed": self.first_seed,
            "histories": self.histories,
            "minutes": round(minutes, 1),
            "faults": dict(sorted(self.faults.items())),
            "tasks": self.tasks,
            "attempts": self.attempts,
            "lost": self.lost,
            "accepted_twice": self.twice,
            "stuck": self.stuck,
            "other": self.other,
            "recovery": {
                name: {"measured": len(seconds), "most": round(max(seconds), 2)}
                for name, seconds in sorted(self.recovery.items())
            },
        }


def write_figures(figures: dict[str, Any], file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(orjson.dumps(figures, option=orjson.OPT_INDENT_2) + b"\n")
