"""Counts and instants that a program under measurement leaves in files, so that watching it costs the database nothing.

A counter is one file of eight bytes, the number of tasks that a process has handled (or enqueued) so far. Marks are
records of three: the task's number, and one or two instants in nanoseconds of the host's clock. This file is used
inside the peers' environment too, and so needs nothing but the standard library.
"""

from __future__ import annotations

import mmap
import os
import struct
import time
from collections.abc import Iterator
from pathlib import Path

COUNTER, MARKS = "BENCH_COUNTER", "BENCH_MARKS"
_MARK = struct.Struct("=qqq")


def own_counter() -> memoryview:
    """This process's counter, as a view whose element 0 is written; one that nobody reads where none was asked for."""
    path = os.environ.get(COUNTER)
    if path is None:
        return memoryview(bytearray(8)).cast("q")
    with Path(path).open("w+b") as file:
        file.truncate(8)
        return memoryview(mmap.mmap(file.fileno(), 8)).cast("q")


def read_counter(path: Path) -> int:
    """What a process has counted so far; 0 before it began."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return 0
    return int.from_bytes(raw[:8], "little") if len(raw) >= 8 else 0


class Marks:
    """Appends records to this process's file of marks; each is one write, so that a reader sees whole ones."""

    def __init__(self) -> None:
        path = os.environ.get(MARKS)
        self._file = None if path is None else os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def add(self, number: int, first_ns: int, second_ns: int = 0) -> None:
        if self._file is not None:
            os.write(self._file, _MARK.pack(number, first_ns, second_ns))

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)

    def begun(self, number: int) -> None:
        """Marks that the handler of a task has begun, now."""
        self.add(number, time.time_ns())


def read_marks(path: Path) -> Iterator[tuple[int, int, int]]:
    """All whole records of a file: number, first and second instant."""
    raw = path.read_bytes() if path.exists() else b""
    yield from _MARK.iter_unpack(raw[: len(raw) - len(raw) % _MARK.size])
