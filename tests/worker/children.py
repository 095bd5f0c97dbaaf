"""Handlers that run in child processes: they must be importable by name."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from pathlib import Path

from rowlock import Context, Rowlock


def square(n: int) -> int:
    return n * n


def die(code: int) -> None:
    os._exit(code)


def spin(seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass


def spin_on(note: str) -> None:
    """Writes down its process id, and computes for ever."""
    Path(note).write_text(str(os.getpid()))
    while True:
        pass


def linger(note: str) -> None:
    """Writes down its process id, and stays."""
    Path(note).write_text(str(os.getpid()))
    while True:
        time.sleep(60)


def take_a_step(ctx: Context) -> None:
    ctx.step_sync("one", int)


@cache
def own_app() -> Rowlock:
    """The application as a child process loads it anew: by its environment."""
    return Rowlock()


def enqueue_one() -> None:
    own_app().enqueue_sync("noop")


def pid() -> int:
    return os.getpid()


def refuse_to_end(note: str) -> None:
    """Lingers, whatever signal asks it to end."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    linger(note)


def go_on(note: str, go: str, seconds: float) -> str:
    """Writes down its process id, and computes for so long when it is told to go on."""
    Path(note).write_text(str(os.getpid()))
    while not Path(go).exists():
        time.sleep(0.01)
    spin(seconds)
    return "done"


class Refused(Exception):
    """Can be pickled, and not be read again."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{text} ({code})")


def fail(how: str) -> object:
    match how:
        case "timeout":
            raise TimeoutError("the bank did not answer")
        case "stop":
            return next(iter(()))
        case "refused":
            raise Refused(3, "no entry")
        case "broken":
            raise BrokenProcessPool("my own pool broke")
        case "local":
            return lambda: 1
    raise AssertionError(how)
