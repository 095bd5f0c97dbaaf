"""A handler whose module a child process cannot load, or not yet, as the environment says."""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path


def answer() -> int:
    return 42


def leave(note: str) -> None:
    """Shows that it has begun."""
    Path(note).touch()


if multiprocessing.parent_process() is not None:  # in a child
    if "ROWLOCK_TEST_LOADING_FAILS" in os.environ:
        with Path(os.environ["ROWLOCK_TEST_LOADING_FAILS"]).open("a") as note:
            note.write(f"{os.getpid()}\n")
        raise LookupError("there is no such licence")
    if "ROWLOCK_TEST_LOADING_WAITS" in os.environ:
        while not Path(os.environ["ROWLOCK_TEST_LOADING_WAITS"]).exists():
            time.sleep(0.01)
