"""The thinnest loop in Python around the same statements: one connection, one thread, binary both ways.

For the bulk enqueue, whose parameters are arrays of what a client has; and for the drain beside pgbench's, since this
one receives the claim's rows as a worker does.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from benchmarks.steps import LEASE_SECONDS, WORKER
from rowlock.domain.requests import task_request
from rowlock.engine.writing import LOCK_TIMEOUT
from rowlock.store.arrays import Bigints, Uuids, register_arrays
from rowlock.store.leases import BEGINNING, ORDERED_SCANS_FROM_NOW_ON, LeaseTerms
from rowlock.store.statements import statement
from rowlock.store.tasks import batch_statement

SLACK = timedelta(seconds=2)
NEEDED = ("id", "lease_token", "wait_seconds", "claimed_epoch")  # of the claim's reply


@dataclass(frozen=True)
class Loop:
    """What a loop took: wall time, and CPU of this process."""

    tasks: int
    seconds: float
    cpu_seconds: float


def enqueue(url: str, tasks: int, batch: int) -> Loop:
    """Batches whose parameters were made before the time begins."""
    batches = [batch_statement("default", [task_request("noop") for _ in range(batch)]) for _ in range(tasks // batch)]
    with psycopg.connect(url, autocommit=True, prepare_threshold=1) as connection:
        register_arrays(connection)
        connection.execute("SELECT 1")
        began, spent = time.perf_counter(), time.process_time()
        for name, parameters in batches:
            connection.execute(statement(name), parameters)
        return Loop(tasks, time.perf_counter() - began, time.process_time() - spent)


def drain(url: str, batch: int) -> Loop:
    """Claims and completes, in turn, until nothing is left."""
    claim, complete = statement("claim"), statement("complete")
    parameters: dict[str, Any] = {
        "queues": ["default"], "priorities": [2], "lanes": ["default"], "floors": [BEGINNING], "quotas": [batch],
        "room": batch, **LeaseTerms(WORKER, LEASE_SECONDS)._asdict(),
    }  # fmt: skip
    tasks = 0
    with (
        psycopg.connect(url, autocommit=True, prepare_threshold=1) as connection,
        connection.cursor(binary=True) as cursor,
    ):
        register_arrays(connection)
        connection.execute(ORDERED_SCANS_FROM_NOW_ON)
        began, spent = time.perf_counter(), time.process_time()
        while rows := cursor.execute(claim, parameters).fetchall():
            tasks += len(rows)
            task, token, wait, epoch = _places(cursor)
            shortest = min(row[wait] for row in rows)
            parameters["floors"] = [datetime.fromtimestamp(rows[0][epoch] - shortest, UTC) - SLACK]
            ids, tokens = Uuids([row[task] for row in rows]), Bigints([row[token] for row in rows])
            cursor.execute(complete, {"ids": ids, "lease_tokens": tokens, "lock_timeout": LOCK_TIMEOUT})
        return Loop(tasks, time.perf_counter() - began, time.process_time() - spent)


def _places(cursor: psycopg.Cursor[Any]) -> list[int]:
    names = [column.name for column in cursor.description or ()]
    return [names.index(needed) for needed in NEEDED]
