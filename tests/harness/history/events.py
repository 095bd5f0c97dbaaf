"""The format of a history: one file a process, one line an event, as JSON.

A process says that it is about to ask (`invoke`), and what became of it (`ok`, `fail` or `unknown`) under the same
number. `fail` promises that nothing was changed; whoever cannot tell says `unknown`, and an invocation without an
answer, as a killed process leaves it, means the same. `operations` lists what is asked and answered.

Each line is one write to a descriptor opened to append. A kill can therefore cut the last line of a file and no other:
the reader drops that one and counts it.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any

import orjson

from rowlock.domain.errors import OutcomeUnknown, RowlockError

Said = dict[str, Any]  # Any: whatever JSON spells


class Phase(StrEnum):
    INVOKE = "invoke"
    OK = "ok"
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Event:
    """One line. `at` is for people, in seconds of the process's clock: no rule trusts it."""

    process: str
    call: int
    phase: Phase
    operation: str
    said: Said
    at: float = 0.0
    place: str = ""


@dataclass(frozen=True, slots=True)
class Events:
    """What all files hold, each file's lines in order, and the names of those whose last line was cut."""

    events: tuple[Event, ...]
    torn: tuple[str, ...] = ()


class Recorder:
    """Writes the history of one process. Safe to share between tasks and threads; `close` it, or let a kill do so."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.process = f"{kind}-{os.getpid()}-{os.urandom(3).hex()}"
        self._numbers = itertools.count(1)
        self._file = os.open(folder / f"{self.process}.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def invoke(self, operation: str, **asked: Any) -> PendingCall:
        """Writes that the process is about to ask."""
        call = PendingCall(self, next(self._numbers), operation)
        call.write(Phase.INVOKE, asked)
        return call

    @contextmanager
    def calling(self, operation: str, **asked: Any) -> Iterator[PendingCall]:
        """`invoke`, with an error that leaves the block as its answer. The block itself says `ok`."""
        with self.invoke(operation, **asked) as call:
            yield call

    def close(self) -> None:
        os.close(self._file)

    def write(self, line: bytes) -> None:
        written = os.write(self._file, line)
        if written != len(line):
            raise OSError(f"The history of {self.process} could not be written: the disk took {written} bytes only.")


class PendingCall:
    """One question that waits for its answer."""

    def __init__(self, recorder: Recorder, number: int, operation: str) -> None:
        self._recorder = recorder
        self._number = number
        self._operation = operation
        self.answered = False

    def ok(self, **answer: Any) -> None:
        self._answer(Phase.OK, answer)

    def fail(self, error: str) -> None:
        """Nothing was changed, for certain."""
        self._answer(Phase.FAIL, {"error": error})

    def unknown(self, error: str) -> None:
        """It may have been done or not."""
        self._answer(Phase.UNKNOWN, {"error": error})

    def __enter__(self) -> PendingCall:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if error is None or self.answered:
            return
        refused = isinstance(error, RowlockError) and not isinstance(error, OutcomeUnknown)
        (self.fail if refused else self.unknown)(f"{type(error).__name__}: {error}")

    def _answer(self, phase: Phase, said: Said) -> None:
        assert not self.answered, f"{self._operation} was answered twice"
        self.answered = True
        self.write(phase, said)

    def write(self, phase: Phase, said: Said) -> None:
        entry = {"call": self._number, "phase": phase, "operation": self._operation, "at": time.time(), "said": said}
        self._recorder.write(orjson.dumps(entry) + b"\n")


def read_events(folder: Path) -> Events:
    """The events of all files of a folder."""
    events: list[Event] = []
    torn = []
    for file in sorted(folder.glob("*.jsonl")):
        *whole, rest = file.read_bytes().split(b"\n")
        if rest:
            torn.append(file.name)
        events.extend(_events_of(file.stem, whole))
    return Events(tuple(events), tuple(torn))


def _events_of(process: str, lines: Iterable[bytes]) -> Iterator[Event]:
    for number, line in enumerate(lines, start=1):
        entry = orjson.loads(line)
        yield Event(
            process=process,
            call=entry["call"],
            phase=Phase(entry["phase"]),
            operation=entry["operation"],
            said=entry["said"],
            at=entry["at"],
            place=f"{process}.jsonl:{number}",
        )
