"""Results as files: `build/bench/rowlock.json` and `build/bench/peers.json`, and of quick runs, whose figures mean
nothing, `rowlock-quick.json` and `peers-quick.json`.

A file holds the newest result of each system and variant, with what it was measured under: what is measured again
replaces itself and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.case import Scale
from benchmarks.harness.figures import Measured
from benchmarks.harness.programs import REPOSITORY
from benchmarks.runs import Result

FOLDER = REPOSITORY / "build" / "bench"
# What figures were called in files of before: of so few claims the 99th percentile was the slowest.
RENAMED = {"backlog": {"p99_ms": "slowest_ms"}, "idle": {"statements": "transactions"}}


@dataclass(frozen=True)
class Recorded:
    """A variant as it was last run, and what it was measured under."""

    result: Result
    measured_at: str
    scale: Scale
    machine: Mapping[str, Any]

    @property
    def key(self) -> tuple[str, str]:
        """What sets it apart within its case."""
        return self.result.system, self.result.variant

    def as_json(self) -> dict[str, Any]:
        return {
            "variant": self.result.variant,
            "system": self.result.system,
            "measured_at": self.measured_at,
            "scale": self.scale,
            "machine": self.machine,
            "median": self.result.median,
            "runs": [run.as_json() for run in self.result.runs],
            "failures": self.result.failures,
        }


def save(name: str, scale: Scale, facts: Mapping[str, Any], result: Result) -> Path:
    """Writes a result into its file, beside the others that are there."""
    path = _path(f"{name}-quick" if scale == "quick" else name)
    held = _read(path)
    recorded = Recorded(result, datetime.now(UTC).isoformat(timespec="seconds"), scale, facts)
    others = [each for each in held.get(result.case, []) if each.key != recorded.key]
    held[result.case] = [*others, recorded]
    path.parent.mkdir(parents=True, exist_ok=True)
    written = path.with_suffix(".new")
    written.write_text(json.dumps({case: [each.as_json() for each in every] for case, every in held.items()}, indent=1))
    written.replace(path)
    return path


def load(name: str) -> dict[str, list[Recorded]]:
    """The results of a file by case; none where it is not there."""
    return _read(_path(name))


def _path(name: str) -> Path:
    return FOLDER / f"{name}.json"


def _read(path: Path) -> dict[str, list[Recorded]]:
    if not path.exists():
        return {}
    return {
        case: [_recorded(case, each) for each in _each(said)] for case, said in json.loads(path.read_text()).items()
    }


def _each(said: Any) -> list[Mapping[str, Any]]:
    """The results of a case. Files once had one date, scale and machine for all results of a case."""
    if isinstance(said, list):
        return said
    shared = {name: said[name] for name in ("measured_at", "scale", "machine")}
    return [{**shared, **each} for each in said["results"]]


def _recorded(case: str, said: Mapping[str, Any]) -> Recorded:
    names = RENAMED.get(case, {})
    runs = [
        Measured(
            {names.get(name, name): value for name, value in run["figures"].items()},
            {name: [(a, b) for a, b in points] for name, points in run["timelines"].items()},
        )
        for run in said["runs"]
    ]
    result = Result(case, said["variant"], said["system"], runs, said["failures"])
    return Recorded(result, said["measured_at"], said["scale"], said["machine"])
