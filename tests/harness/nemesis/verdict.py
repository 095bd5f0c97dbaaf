"""What is said of a history at its end, and read back from its folder."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

FILE = "verdict.json"
LOST = ("lost", "whole", "accounted")
TWICE = ("one_outcome", "one_row", "newest_lease", "overlap")
STUCK = ("stuck",)


@dataclass
class Verdict:
    """`violations` are the checker's, `surprises` what no rule is about: a program that ended, a fault that failed."""

    seed: int
    seconds: float = 0.0
    faults: dict[str, int] = field(default_factory=dict)
    tasks: int = 0
    attempts: int = 0
    recovery: dict[str, list[float]] = field(default_factory=dict)
    violations: list[dict[str, str]] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    surprises: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.violations or self.stuck or self.surprises)

    def broken(self, rules: tuple[str, ...]) -> int:
        """How many violations are of these rules."""
        return sum(found["rule"] in rules for found in self.violations)

    def findings(self) -> list[str]:
        """All that is wrong, the gravest first."""
        return [
            *(found["text"] for found in self.violations),
            *(f"stuck: {one}" for one in self.stuck),
            *self.surprises,
        ]

    def write(self, folder: Path) -> None:
        (folder / FILE).write_bytes(orjson.dumps(asdict(self), option=orjson.OPT_INDENT_2))


def read_verdict(folder: Path) -> Verdict:
    said: dict[str, Any] = orjson.loads((folder / FILE).read_bytes())
    return Verdict(**said)
