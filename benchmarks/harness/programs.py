"""The programs under measurement: workers, producers and servers, each a process of its own that ends in order."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.harness.counters import COUNTER, MARKS, read_counter

REPOSITORY = Path(__file__).parents[2]
END_SECONDS = 60


class ProgramFailed(Exception):
    """A program under measurement ended by itself or badly; what it last wrote is in the text."""


class Program:
    """One process. `count` is what it has handled or enqueued so far."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], folder: Path, name: str) -> None:
        self.name = name
        self.counter = folder / f"{name}.count"
        self.marks = folder / f"{name}.marks"
        self._log = folder / f"{name}.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=REPOSITORY,
                env={**clean_environment(), **environment, COUNTER: str(self.counter), MARKS: str(self.marks)},
                stdout=log,
                stderr=log,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def count(self) -> int:
        return read_counter(self.counter)

    @property
    def output(self) -> str:
        return self._log.read_text(errors="replace")

    def check(self) -> None:
        """Raises `ProgramFailed` when it has ended though nobody told it to."""
        if self._process.poll() is not None:
            raise self._failed("ended by itself")

    def stop(self) -> None:
        """Lets it end in order. Raises `ProgramFailed` when it does not."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired as error:
            self.kill()
            raise self._failed(f"did not end within {END_SECONDS} s") from error
        if code not in (0, -signal.SIGTERM, 128 + signal.SIGTERM):
            raise self._failed(f"ended with code {code}")

    def kill(self) -> None:
        """Ends it at once."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def wait(self, seconds: float) -> str:
        """Waits for its own end; what it wrote. Raises `ProgramFailed` on a bad end."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            self.kill()
            raise self._failed(f"did not end within {seconds:.0f} s") from error
        if code != 0:
            raise self._failed(f"ended with code {code}")
        return self.output

    def _failed(self, what: str) -> ProgramFailed:
        return ProgramFailed(f"{self.name} {what}: {self.output[-2_000:].strip() or 'it wrote nothing'}")


@contextmanager
def running(
    command: Sequence[str], environment: Mapping[str, str], folder: Path, *, copies: int = 1, name: str = "worker"
) -> Iterator[list[Program]]:
    """So many processes of one command for as long as the block lasts, and then ended in order."""
    programs: list[Program] = []
    try:
        programs.extend(Program(command, environment, folder, f"{name}-{n}") for n in range(1, copies + 1))
        yield programs
        for program in programs:
            program.stop()
    finally:
        for program in programs:
            program.kill()


def answer_of(command: Sequence[str], environment: Mapping[str, str], folder: Path, name: str) -> dict[str, float]:
    """Runs a program to its end; the JSON object that is the last line it wrote. Raises `ProgramFailed` without one."""
    output = Program(command, environment, folder, name).wait(600)
    lines = [line for line in output.splitlines() if line.startswith("{")]
    if not lines:
        raise ProgramFailed(f"{name} said nothing of what it did: {output[-2_000:].strip() or 'it wrote nothing'}")
    return dict(json.loads(lines[-1]))


def until(true: Callable[[], object], programs: Sequence[Program], *, within: float, every: float = 0.005) -> None:
    """Returns when the condition holds. Raises `ProgramFailed` if a program ends before, or the time is over."""
    deadline = time.monotonic() + within
    while not true():
        for program in programs:
            program.check()
        if time.monotonic() > deadline:
            last = programs[0].output[-2_000:] if programs else ""
            raise ProgramFailed(f"Nothing was reached within {within:.0f} s. {last}")
        time.sleep(every)


def clean_environment() -> dict[str, str]:
    """Ours, without settings of rowlock or PostgreSQL that would lead a program elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("ROWLOCK_", "PG", "BENCH_"))}
