"""Results as a file: `build/bench/rowlock.json` and `build/bench/peers.json`, each case replaced by its newest run."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.case import Scale
from benchmarks.harness.figures import Measured
from benchmarks.harness.programs import REPOSITORY
from benchmarks.harness.server import SETTINGS, scalar
from benchmarks.runs import Result

FOLDER = REPOSITORY / "build" / "bench"


@dataclass(frozen=True)
class Recorded:
    """A case as it was last run."""

    measured_at: str
    scale: Scale
    machine: Mapping[str, Any]
    results: list[Result]


def machine(admin_url: str) -> dict[str, Any]:
    """What the figures depend on, beside the code."""
    return {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "postgresql": str(scalar(admin_url, "SHOW server_version")),
        "settings": SETTINGS,
        "durability": {name: str(scalar(admin_url, f"SHOW {name}")) for name in DURABILITY},
        "load_before": os.getloadavg()[0],
    }


DURABILITY = ("fsync", "synchronous_commit", "full_page_writes")


def durable(facts: Mapping[str, Any]) -> bool:
    """Whether nothing that makes a commit last is turned off."""
    return all(value == "on" for value in facts["durability"].values())


def save(name: str, case: str, scale: Scale, facts: Mapping[str, Any], results: Iterable[Result]) -> Path:
    """Writes a case into its file, beside the others that are there."""
    path = FOLDER / f"{name}.json"
    held = json.loads(path.read_text()) if path.exists() else {}
    held[case] = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "scale": scale,
        "machine": facts,
        "results": [
            {
                "variant": result.variant,
                "system": result.system,
                "median": result.median,
                "runs": [run.as_json() for run in result.runs],
                "failures": result.failures,
            }
            for result in results
        ],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(held, indent=1) + "\n")
    return path


def load(name: str) -> dict[str, Recorded]:
    """The cases of a file by name; none where it is not there."""
    path = FOLDER / f"{name}.json"
    if not path.exists():
        return {}
    return {case: _recorded(case, said) for case, said in json.loads(path.read_text()).items()}


def _recorded(case: str, said: Mapping[str, Any]) -> Recorded:
    results = [
        Result(
            case,
            each["variant"],
            each["system"],
            [
                Measured(run["figures"], {k: [(a, b) for a, b in v] for k, v in run["timelines"].items()})
                for run in each["runs"]
            ],
            each["failures"],
        )
        for each in said["results"]
    ]
    return Recorded(said["measured_at"], said["scale"], said["machine"], results)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
