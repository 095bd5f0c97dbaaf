"""What a piece of work costs: wall time, CPU on both sides, and what PostgreSQL wrote and counted for it.

Time and WAL are exact at once, and the CPU of processes that live; that of children that have ended is told in ticks of
10 ms. A session's commits and buffers reach PostgreSQL's statistics within seconds, and
surely when it ends; so those two are read by `settled()`, once the programs have ended, and hold their start and end.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString, Protocol

import psycopg

from benchmarks.harness.programs import ProgramFailed

OTHERS = """
SELECT count(*) FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
SETTLING_SECONDS = 20
TICKS = os.sysconf("SC_CLK_TCK")
CPU_OF_ALL_THREADS = 2  # Linux makes the number of a process's clock of this and its pid, as clock_getcpuclockid() does
COUNTERS = """
SELECT pg_current_wal_insert_lsn() - '0/0', xact_commit, blks_hit + blks_read
  FROM pg_stat_database WHERE datname = current_database()
"""


class HasPid(Protocol):
    """A process."""

    @property
    def pid(self) -> int: ...


@dataclass(frozen=True)
class Reading:
    """All counters at one instant. CPU in seconds."""

    at: float
    server_cpu: float
    client_cpu: float
    wal_bytes: int
    commits: int
    blocks: int


@dataclass(frozen=True)
class Costs:
    """What lies between two readings, for so many tasks."""

    tasks: int
    seconds: float
    server_cpu_us: float
    client_cpu_us: float
    wal_bytes: float

    @property
    def rate(self) -> float:
        """Tasks a second."""
        return self.tasks / self.seconds


class Meter:
    """Reads the counters of one database, its server's processes and some client processes."""

    def __init__(self, url: str, postmaster_pid: int | None, clients: Collection[int] = ()) -> None:
        self._connection = psycopg.connect(url, autocommit=True)
        self._postmaster_pid = postmaster_pid
        self.clients = set(clients)

    def watch(self, programs: Iterable[HasPid]) -> None:
        """Counts the CPU of these processes from now on."""
        self.clients |= {program.pid for program in programs}

    def read(self) -> Reading:
        self._connection.execute("SELECT pg_stat_clear_snapshot()")
        row = self._connection.execute(COUNTERS).fetchone()
        assert row is not None
        return Reading(
            at=time.perf_counter(),
            server_cpu=family_cpu(self._postmaster_pid) if self._postmaster_pid else float("nan"),
            client_cpu=sum(family_cpu(pid) for pid in self.clients),
            wal_bytes=int(row[0]),
            commits=int(row[1]),
            blocks=int(row[2]),
        )

    def settled(self, others: int = 0) -> Reading:
        """A reading when all other sessions, but so many that stay, have ended and so told all they have counted.
        Raises `ProgramFailed` when they do not end."""
        deadline = time.monotonic() + SETTLING_SECONDS
        while (found := self._number(OTHERS)) > others:
            if time.monotonic() > deadline:
                raise ProgramFailed(f"After {SETTLING_SECONDS} s {found} sessions are still open instead of {others}.")
            time.sleep(0.02)
        return self.read()

    def close(self) -> None:
        self._connection.close()

    def _number(self, sql: LiteralString) -> int:
        row = self._connection.execute(sql).fetchone()
        assert row is not None
        return int(row[0])


def counts(first: Reading, last: Reading, tasks: int) -> dict[str, float]:
    """Commits and buffers of a task, between two settled readings."""
    return {"commits": (last.commits - first.commits) / tasks, "blocks": (last.blocks - first.blocks) / tasks}


def between(first: Reading, last: Reading, tasks: int) -> Costs:
    """Time, CPU and WAL of a task, from one reading to the next."""
    return Costs(
        tasks=tasks,
        seconds=last.at - first.at,
        server_cpu_us=(last.server_cpu - first.server_cpu) / tasks * 1e6,
        client_cpu_us=(last.client_cpu - first.client_cpu) / tasks * 1e6,
        wal_bytes=(last.wal_bytes - first.wal_bytes) / tasks,
    )


def family_cpu(pid: int) -> float:
    """CPU seconds of a process and its children, those that have ended too."""
    return _cpu(pid) + sum(map(family_cpu, _children(pid)))


def _cpu(pid: int) -> float:
    try:
        own = time.clock_gettime((~pid << 3) | CPU_OF_ALL_THREADS)
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # it has ended
        return 0.0
    return own + sum(int(ticks) for ticks in fields[13:15]) / TICKS


def _children(pid: int) -> list[int]:
    """None of a process that has ended meanwhile."""
    try:
        return [
            int(child) for file in Path(f"/proc/{pid}/task").glob("*/children") for child in file.read_text().split()
        ]
    except (FileNotFoundError, ProcessLookupError):
        return []
