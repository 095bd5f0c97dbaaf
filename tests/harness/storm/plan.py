"""What a storm consists of, drawn from its seed: the schedules, and the faults with their times.

The same seed gives the same plan on every machine. Which process leads when a fault comes is up to the race.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

FaultKind = Literal["kill", "freeze", "cut", "hole"]

# Each kind lasts longer than a leader may stay silent, so each ends the leadership. A kill and a cut have no duration.
FAULTS: tuple[FaultKind, ...] = ("kill", "freeze", "cut", "hole", "kill", "freeze")
ZONES = ("UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Pacific/Apia", "Australia/Lord_Howe")
RULES: tuple[dict[str, Any], ...] = (
    {"cron": "* * * * *"},
    {"cron": "*/2 * * * *"},
    {"cron": "1-59/5 * * * *"},
    {"cron": "7,22,37,52 * * * *"},
    {"cron": "30 * * * *"},
    {"cron": "*/30 * * * * *", "allow_seconds": True},
    {"interval": "90s"},
    {"interval": "7m"},
    {"interval": "13m", "jitter": 300},
    {"cron": "*/3 * * * *", "jitter": 45},
)
MISSED_RUNS: tuple[dict[str, Any], ...] = (
    {"missed_run_policy": "catch_up", "max_catch_up": 10_000},
    {"missed_run_policy": "catch_up", "max_catch_up": 10_000},
    {"missed_run_policy": "catch_up", "max_catch_up": 10_000},
    {"missed_run_policy": "catch_up", "max_catch_up": 10_000},
    {"missed_run_policy": "catch_up", "max_catch_up": 3},
    {"missed_run_policy": "catch_up", "max_catch_up": 10_000, "catch_up_window": 600},
    {"missed_run_policy": "latest_only"},
    {"missed_run_policy": "skip"},
    {"missed_run_policy": "skip", "misfire_grace": 300},
)
OVERLAPS = ("allow", "allow", "allow", "allow", "allow", "skip", "buffer_one", "cancel_running")


@dataclass(frozen=True, slots=True)
class Fault:
    """What befalls the leader, `at_seconds` after the storm began."""

    at_seconds: float
    kind: FaultKind
    lasts_seconds: float


@dataclass(frozen=True, slots=True)
class StormPlan:
    """Arguments of the schedules by name, the faults in order of time, and how long it lasts at least."""

    schedules: dict[str, dict[str, Any]]
    faults: tuple[Fault, ...]
    seconds: float


def plan_storm(
    seed: int,
    *,
    schedules: int,
    faults: int,
    seconds: float,
    silence_seconds: float,
    kinds: Sequence[FaultKind] = FAULTS,
) -> StormPlan:
    """The storm of a seed: the same number of faults of each kind, at times drawn within `seconds`."""
    random = Random(f"storm {seed}")
    made = {
        f"s{number:04}": {
            **random.choice(RULES),
            **random.choice(MISSED_RUNS),
            "timezone": random.choice(ZONES),
            "overlap_policy": random.choice(OVERLAPS),
            "task_name": random.choice(("storm.quick", "storm.quick", "storm.slow")),
        }
        for number in range(schedules)
    }
    drawn = random.sample([kinds[number % len(kinds)] for number in range(faults)], faults)
    times = sorted(random.uniform(0, 0.93 * seconds) for _ in range(faults))
    faults_to_come = tuple(
        Fault(at, kind, random.uniform(1.2, 2.4) * silence_seconds) for at, kind in zip(times, drawn, strict=True)
    )
    return StormPlan(made, faults_to_come, seconds)
