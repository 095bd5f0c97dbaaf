"""What each system's program can be told to do, the same for all, so that all do the same work.

`install`                  makes the system's tables in an empty database
`bulk TASKS BATCH`         enqueues, and prints the seconds and the CPU that it took
`single TASKS PAUSE`       enqueues one at a time, so many seconds apart; marks when each was asked and acknowledged
`concurrent TASKS CALLERS` the same from so many callers at once, without a pause
`churn RATE CEILING BATCH COUNTERS…`  enqueues until SIGTERM, a full batch a call: so many tasks a second, the rest at
                           the end; or as fast as it goes (RATE 0) while no more than CEILING tasks wait; the workers'
                           counters say how many were handled
`work`                     handles tasks until SIGTERM

Time to start and to connect is not counted. Needs the standard library alone: it runs in the peers' environment too.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from benchmarks.harness.counters import Marks, own_counter, read_counter

URL = os.environ.get("BENCH_DATABASE_URL", "")
WARM = 20  # calls that are made before any is counted


class Subject(Protocol):
    """A system in its own words."""

    async def install(self) -> None: ...

    async def open(self) -> None:
        """Connects a producer."""

    async def one(self, number: int) -> None:
        """Enqueues one task, committed on return; its handler marks the number."""

    async def many(self, tasks: int) -> None:
        """Enqueues no-op tasks in one call, committed on return."""

    async def close(self) -> None: ...

    async def work(self, stop: asyncio.Event) -> None:
        """Handles tasks until the event."""


@contextmanager
def told() -> Iterator[None]:
    """Prints how long the block took and how much CPU this process spent in it, as JSON."""
    began, spent = time.perf_counter(), time.process_time()
    yield
    answer = {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - spent}
    print(json.dumps(answer), flush=True)


async def bulk(subject: Subject, tasks: str, batch: str) -> None:
    left, size = int(tasks), int(batch)
    with told():
        while left > 0:
            await subject.many(min(size, left))
            left -= size


async def single(subject: Subject, tasks: str, pause: str) -> None:
    marks, seconds = Marks(), float(pause)
    with told():
        for number in range(-WARM, int(tasks)):
            asked = time.time_ns()
            await subject.one(number)
            marks.add(number, asked, time.time_ns())
            if seconds:
                await asyncio.sleep(seconds)


async def concurrent(subject: Subject, tasks: str, callers: str) -> None:
    marks, numbers = Marks(), iter(range(int(tasks)))

    async def call() -> None:
        for number in numbers:
            asked = time.time_ns()
            await subject.one(number)
            marks.add(number, asked, time.time_ns())

    for warm in range(WARM):
        await subject.one(-1 - warm)
    with told():
        await asyncio.gather(*(call() for _ in range(int(callers))))


async def churn(subject: Subject, rate: str, ceiling: str, batch: str, *counters: str) -> None:
    stop = stopped_by_sigterm()
    produced, size, began = own_counter(), int(batch), time.monotonic()

    def due() -> int:
        return min(size, int((time.monotonic() - began) * float(rate)) - produced[0])

    def room() -> bool:
        waiting = produced[0] - sum(read_counter(Path(each)) for each in counters)
        return waiting + size <= int(ceiling)

    while not stop.is_set():
        if due() == size if float(rate) else room():
            await subject.many(size)
            produced[0] += size
        else:
            await asyncio.sleep(0.001)
    if (rest := due()) > 0:
        await subject.many(rest)
        produced[0] += rest


VERBS: dict[str, Callable[..., Awaitable[None]]] = {
    "bulk": bulk, "single": single, "concurrent": concurrent, "churn": churn,
}  # fmt: skip


def stopped_by_sigterm() -> asyncio.Event:
    """An event that SIGTERM sets."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    return stop


async def obey(subject: Subject, verb: str, *arguments: str) -> None:
    """Does what the command line says."""
    if verb == "install":
        await subject.install()
    elif verb == "work":
        await subject.work(stopped_by_sigterm())
    else:
        await subject.open()
        try:
            await VERBS[verb](subject, *arguments)
        finally:
            await subject.close()


def main(subject: Subject) -> None:
    """The whole of a program: `python -m … VERB ARGUMENTS`, on uvloop where it is installed."""
    try:
        import uvloop
    except ModuleNotFoundError:
        asyncio.run(obey(subject, *sys.argv[1:]))
    else:
        uvloop.run(obey(subject, *sys.argv[1:]))
