"""A system that is measured: how its programs are started, and how its database tells what is left and what is done."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.programs import Program
from benchmarks.harness.server import BenchServer

ROWLOCK_CONCURRENCY = 1_000  # twice a claim's batch: one half runs while the other is claimed


@dataclass(frozen=True)
class System:
    """One system. `left` is SQL that is true while a task is unfinished."""

    name: str
    producer: tuple[str, ...]
    worker: tuple[str, ...]
    left: str
    settings: str
    version: str = ""
    tasks_share: float = 1.0  # of a drain's tasks: slow systems do fewer
    unlogged: tuple[str, ...] = ()  # tables that hold no tasks, and may be so
    churns: bool = True
    is_rowlock: bool = False

    def environment_for(self, url: str) -> dict[str, str]:
        return {
            "BENCH_DATABASE_URL": url,
            "ROWLOCK_DATABASE_URL": url,
            "ROWLOCK_LOG_FORMAT": "json",
        }

    @contextmanager
    def database(self, server: BenchServer, folder: Path) -> Iterator[str]:
        """A database with the system's tables, for as long as the block lasts."""
        if self.is_rowlock:
            with server.database() as url:
                yield url
        else:
            with server.empty_database() as url:
                Program((*self.producer, "install"), self.environment_for(url), folder, "install").wait(600)
                yield url


def rowlock(concurrency: int = ROWLOCK_CONCURRENCY) -> System:
    """rowlock itself, with so many tasks at once in each worker."""
    return System(
        name="rowlock",
        producer=(sys.executable, "-m", "benchmarks.subject.program"),
        worker=(
            sys.executable, "-m", "rowlock.cli", "worker", "benchmarks.subject.app:app",
            "--concurrency", str(concurrency),
        ),
        left="SELECT EXISTS (SELECT FROM rowlock.tasks_live)",
        settings=f"concurrency {concurrency}, everything else at its default",
        is_rowlock=True,
    )  # fmt: skip
