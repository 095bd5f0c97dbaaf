"""Runs cases: each variant so many times, round by round, so that what else the machine does falls on all alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.case import Case, Scale, Variant
from benchmarks.harness.figures import Measured, median_of
from benchmarks.harness.programs import ProgramFailed
from benchmarks.harness.server import BenchServer
from benchmarks.harness.stage import Unsound, stage
from benchmarks.systems import System


@dataclass
class Result:
    """What the runs of one variant gave. A run that was unsound has no figures but a sentence."""

    case: str
    variant: str
    system: str
    runs: list[Measured] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def median(self) -> dict[str, float]:
        return median_of([run.figures for run in self.runs])


Tell = Callable[[Variant, int, float, Measured | None, Result], None]


def run_case(
    server: BenchServer, case: Case, scale: Scale, systems: Sequence[System], *, runs: int, tell: Tell
) -> list[Result]:
    """The results of all variants. `tell` is called after each run, with what it gave, None where it was unsound."""
    variants = case.variants(scale, systems)
    results = [Result(case.name, variant.name, variant.system.name) for variant in variants]
    for turn in range(runs):
        for variant, result in zip(variants, results, strict=True):
            if turn and variant.once and scale != "long":
                continue
            began = time.monotonic()
            measured = _run(server, variant, result)
            tell(variant, turn, time.monotonic() - began, measured, result)
    return results


def _run(server: BenchServer, variant: Variant, result: Result) -> Measured | None:
    try:
        with stage(server, variant.system) as place:
            measured = variant.run(place)
    except (Unsound, ProgramFailed) as error:
        result.failures.append(str(error))
        return None
    result.runs.append(measured)
    return measured
