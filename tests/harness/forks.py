"""Programs that are forked from one that has loaded rowlock already, so that each is there in no time.

Loading a worker takes most of a second of CPU, a fork a tenth of that. The forked are processes like others, with a pid
of their own, which faults may kill, freeze and stop. The one they are forked from (multiprocessing's forkserver) starts
with the first of them, and ends with the program that asked for it.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
from collections.abc import Mapping
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
FORKED = multiprocessing.get_context("forkserver")
# The forkserver would pass over a module that it does not find, and it looks where it was started.
FORKED.set_forkserver_preload(["tests.harness.preloaded"])


def start(program: multiprocessing.process.BaseProcess) -> None:
    """Starts a process of `FORKED`."""
    with contextlib.chdir(REPOSITORY):
        program.start()


def furnish(environment: Mapping[str, str]) -> None:
    """Gives a forked program the environment that it was started with, as `exec` would, and the repository as its
    folder: it has inherited those of the forkserver."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(REPOSITORY)


def write_to(path: str | Path) -> None:
    """From now on this process prints there."""
    sys.stdout.flush()
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for standard in (1, 2):
        os.dup2(descriptor, standard)
    os.close(descriptor)
