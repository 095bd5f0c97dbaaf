"""One run of one benchmark: a database of its own, a folder for its programs' files, and a meter on both sides."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from benchmarks.harness.costs import Meter
from benchmarks.harness.counters import read_marks
from benchmarks.harness.database import EXECUTIONS, checkpoint, dead_rows, number, unlogged
from benchmarks.harness.programs import Program, answer_of, running, until
from benchmarks.harness.server import BenchServer, scalar
from benchmarks.systems import System

PATIENCE_SECONDS = 600


class Unsound(Exception):
    """A run whose work was not what it claims: tasks lost, left over, or handled twice. It has no figures."""


@dataclass(frozen=True)
class Stage:
    """Where one run takes place."""

    server: BenchServer
    system: System
    url: str
    folder: Path

    @contextmanager
    def workers(self, copies: int = 1) -> Iterator[list[Program]]:
        """So many worker processes, ended in order after the block."""
        environment = self.system.environment_for(self.url)
        with running(self.system.worker, environment, self.folder, copies=copies) as programs:
            yield programs

    @contextmanager
    def producing(self, *verb: object) -> Iterator[Program]:
        """A producer that goes on until the block ends."""
        with running(self._told(verb), self._environment, self.folder, name="producer") as programs:
            yield programs[0]

    def ask(self, *verb: object) -> dict[str, float]:
        """A producer's work from beginning to end; what it says of it."""
        return answer_of(self._told(verb), self._environment, self.folder, f"{verb[0]}")

    @contextmanager
    def meter(self) -> Iterator[Meter]:
        """Counters of the server, and of the programs that it is told to watch."""
        meter = Meter(self.url, self.server.postmaster_pid)
        try:
            yield meter
        finally:
            meter.close()

    def marks_of(self, name: str) -> dict[int, tuple[int, int]]:
        """What a program has marked, without its warming up."""
        found = read_marks(self.folder / f"{name}.marks")
        return {number: (first, second) for number, first, second in found if number >= 0}

    def wait_until_handled(self, tasks: int, workers: Sequence[Program]) -> None:
        """Returns when the handlers have run so often and nothing is left; asks the database at the very end only."""
        until(lambda: handled(workers) >= tasks, workers, within=PATIENCE_SECONDS, every=0.002)
        until(lambda: not self.left(), workers, within=60, every=0.005)

    def left(self) -> bool:
        """Whether a task is unfinished."""
        return bool(scalar(self.url, self.system.left))

    def verify(self, tasks: int, workers: Sequence[Program], *, executions: int | None = None) -> None:
        """Raises `Unsound` unless the handlers ran as often as there were tasks, nothing is left, and rowlock has an
        execution on record for each attempt. After the last reading of a meter, for it reads all that is on record."""
        count = handled(workers)
        if count != tasks or self.left():
            rest = ", and some are left" if self.left() else ""
            raise Unsound(f"{self.system.name}: of {tasks} tasks the handlers ran {count}{rest}.")
        expected = tasks if executions is None else executions
        if self.system.is_rowlock and (found := number(self.url, EXECUTIONS)) != expected:
            raise Unsound(f"Of {expected} executions {found:.0f} are on record.")

    def dead_rows(self) -> float:
        return dead_rows(self.url)

    def _told(self, verb: Sequence[object]) -> tuple[str, ...]:
        return (*self.system.producer, *map(str, verb))

    @property
    def _environment(self) -> dict[str, str]:
        return self.system.environment_for(self.url)


@contextmanager
def stage(server: BenchServer, system: System) -> Iterator[Stage]:
    """A stage for one run, gone after the block. Raises `Unsound` where a system's tables would not survive a crash."""
    with (
        tempfile.TemporaryDirectory(prefix="rowlock-bench-run-") as name,
        system.database(server, Path(name)) as url,
    ):
        if found := unlogged(url, system.unlogged):
            raise Unsound(f"{system.name}: these tables are not logged, and so lost in a crash: {found}.")
        checkpoint(url)
        yield Stage(server, system, url, Path(name))


def handled(workers: Sequence[Program]) -> int:
    """How often the handlers have run, in all workers."""
    return sum(worker.count for worker in workers)


def sampled(
    value: Callable[[], float], seconds: float, *, every: float, check: Callable[[], None]
) -> list[tuple[float, float]]:
    """(seconds since the beginning, value) again and again for so long."""
    began = time.monotonic()
    samples = [(0.0, value())]
    while (now := time.monotonic() - began) < seconds:
        time.sleep(min(every, seconds - now))
        check()
        samples.append((time.monotonic() - began, value()))
    return samples


def rates(samples: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """A growing count, sampled, as (end of the slice, tasks a second in it)."""
    return [
        (later, (count_later - count) / (later - earlier))
        for (earlier, count), (later, count_later) in pairwise(samples)
    ]
