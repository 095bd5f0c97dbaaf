"""What the steps of a task's life may cost, by count: WAL, commits, statements and buffers for a task, or for one look
for lanes.

`expectations.json` holds what is expected, and a test compares. Counts do not depend on how fast the machine is, so a
regression fails on any. A change that means to change them writes them anew: `make bench-expectations`.

The server is one of its own, with nothing else on it, no autovacuum and no checkpoint: what it writes is the steps'
work. Statements are those that the server has logged, however they were sent.
"""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import LiteralString

import psycopg

from benchmarks.steps import Steps, open_steps
from rowlock.store.embedded import EmbeddedServer
from rowlock.store.leases import ClaimedTask
from rowlock.store.migrate import migrate

EXPECTED = Path(__file__).with_name("expectations.json")
TOLERANCE = 0.04
BATCH, BATCHES, SINGLES = 500, 6, 100
TASKS = BATCH * BATCHES
LEAST, LEAST_WAL = 0.001, 100  # below so much a task, a count is none; the server adds records of its own to the WAL
SETTINGS = {
    "fsync": "off",
    "autovacuum": "off",
    "checkpoint_timeout": "1d",
    "max_wal_size": "4GB",
    "jit": "off",
    "log_parameter_max_length": "0",
}
COUNTERS: LiteralString = """
SELECT pg_current_wal_insert_lsn() - '0/0', xact_commit, blks_hit + blks_read
  FROM pg_stat_database WHERE datname = 'rowlock'
"""
# Reads a table, because a session that has read none since keeps its count of commits to itself.
FLUSH = "SELECT pg_stat_force_next_flush() FROM pg_class LIMIT 1"
LOGGED = re.compile(rb"@rowlock LOG:  (?:statement|execute [^:]*): ")
LOG_SECONDS = 20

Costs = dict[str, dict[str, float]]


class Counters:
    """WAL, commits, statements and buffers of one database on a server that nobody else uses."""

    def __init__(self, server: EmbeddedServer) -> None:
        self._server = server
        # Of another database, so that asking is not counted.
        self._connection = psycopg.connect(server.url("postgres"), autocommit=True)
        self._connection.execute("SET log_statement = 'all'")

    async def read(self, steps: Steps) -> dict[str, float]:
        """The counters now, when both connections of the steps have told the statistics what they did."""
        async with steps.database.link() as link:
            await link.query(FLUSH)
        await steps.link.query(FLUSH)
        return await asyncio.to_thread(self._read)

    def _read(self) -> dict[str, float]:
        self._connection.execute("SELECT pg_stat_clear_snapshot()")
        row = self._connection.execute(COUNTERS).fetchone()
        assert row is not None
        wal_bytes, commits, buffers = map(float, row)
        return {"wal_bytes": wal_bytes, "commits": commits, "statements": self._statements(), "buffers": buffers}

    def _statements(self) -> int:
        """Statements in the log up to now; one of our own, which nobody else can send, shows where now is."""
        mark = token_hex(8)
        self._connection.execute(f"SELECT '{mark}'")
        deadline = time.monotonic() + LOG_SECONDS
        while True:
            logs = b"".join(log.read_bytes() for log in sorted((self._server.cluster / "log").glob("*.log")))
            before, found, _ = logs.partition(mark.encode())
            if found:
                return len(LOGGED.findall(before))
            assert time.monotonic() < deadline, "The server logs no statements."
            time.sleep(0.01)

    def close(self) -> None:
        self._connection.close()


async def measure(server: EmbeddedServer) -> Costs:
    """The costs of every step for a task."""
    counters = Counters(server)
    try:
        async with open_steps(server.url(), refresh_seconds=1, monotonic=lambda: 0.0) as steps:
            return await Measuring(steps, counters).all()
    finally:
        counters.close()


class Measuring:
    """Takes the steps one after the other, with the counters read between them."""

    def __init__(self, steps: Steps, counters: Counters) -> None:
        self._steps = steps
        self._counters = counters
        self._reading: dict[str, float] = {}  # what reading the counters costs itself
        self._costs: Costs = {}

    async def all(self) -> Costs:
        """Every step, each once before it counts, so that nothing is prepared or looked up for the first time."""
        steps = self._steps
        await steps.enqueue(1)
        for end in (steps.complete, steps.complete_with_results, steps.retry):
            await steps.enqueue_many(BATCH)
            await end(await steps.claim(BATCH))
        await self._spent(_nothing)  # so that the sessions have told what they did before
        self._reading = await self._spent(_nothing)
        await self._step("enqueue", SINGLES, lambda: steps.enqueue(SINGLES))
        await self._step("enqueue_many", TASKS, self._enqueue_batches)
        held: list[list[ClaimedTask]] = []
        await self._step("claim", TASKS, lambda: self._claim_batches(held))
        await self._step("complete", TASKS, lambda: _each(steps.complete, held))
        for name, end in (("complete_with_results", steps.complete_with_results), ("retry", steps.retry)):
            held.clear()
            await self._enqueue_batches()
            await self._claim_batches(held)
            await self._step(name, TASKS, partial(_each, end, held))
        await self._enqueue_batches()
        await self._claim_new_batches(1)
        await self._step("claim_new", TASKS, lambda: self._claim_new_batches(BATCHES))
        await steps.find_lanes(1)
        await self._step("find_lanes", SINGLES, lambda: steps.find_lanes(SINGLES))  # of one call
        return self._costs

    async def _enqueue_batches(self) -> None:
        for _ in range(BATCHES):
            await self._steps.enqueue_many(BATCH)

    async def _claim_batches(self, held: list[list[ClaimedTask]]) -> None:
        held += [await self._steps.claim(BATCH) for _ in range(BATCHES)]
        assert [len(batch) for batch in held] == [BATCH] * BATCHES

    async def _claim_new_batches(self, batches: int) -> None:
        taken = [await self._steps.claim_new(BATCH) for _ in range(batches)]
        assert [len(batch) for batch in taken] == [BATCH] * batches

    async def _step(self, name: str, tasks: int, work: Callable[[], Awaitable[None]]) -> None:
        spent = await self._spent(work)
        self._costs[name] = {what: round((spent[what] - self._reading[what]) / tasks, 5) for what in spent}

    async def _spent(self, work: Callable[[], Awaitable[None]]) -> dict[str, float]:
        before = await self._counters.read(self._steps)
        await work()
        after = await self._counters.read(self._steps)
        return {what: after[what] - before[what] for what in after}


async def _each(end: Callable[[list[ClaimedTask]], Awaitable[int]], held: list[list[ClaimedTask]]) -> None:
    for batch in held:
        accepted = await end(batch)
        assert accepted == len(batch)


async def _nothing() -> None:
    return


def differences(expected: Costs, found: Costs) -> list[str]:
    """A sentence for each count that is off by more than the tolerance, or is there on one side only."""
    sentences = []
    for step in sorted(expected.keys() | found.keys()):
        before, now = expected.get(step, {}), found.get(step, {})
        for what in sorted(before.keys() | now.keys()):
            was, is_now = before.get(what, 0.0), now.get(what, 0.0)
            least = LEAST_WAL if what == "wal_bytes" else LEAST
            if abs(is_now - was) > TOLERANCE * max(was, is_now, least):
                sentences.append(f"{step}: {is_now:g} {what} a task instead of {was:g}")
    return sentences


def expected() -> Costs:
    """What the repository says."""
    costs: Costs = json.loads(EXPECTED.read_text())
    return costs


@contextmanager
def quiet_server() -> Iterator[EmbeddedServer]:
    """A migrated server of its own, which logs the statements of everybody who connects from now on."""
    with tempfile.TemporaryDirectory(prefix="rowlock-costs-") as folder:
        server = EmbeddedServer(Path(folder), settings=SETTINGS)
        server.start()
        try:
            migrate(server.url())
            with psycopg.connect(server.url(), autocommit=True) as connection:
                connection.execute("ALTER DATABASE rowlock SET log_statement = 'all'")
            yield server
        finally:
            server.stop("immediate")


def main() -> None:
    """Writes the expectations anew."""
    with quiet_server() as server:
        found = asyncio.run(measure(server))
    for sentence in differences(expected() if EXPECTED.exists() else {}, found):
        print(sentence)
    EXPECTED.write_text(json.dumps(found, indent=2) + "\n")
    print(f"{EXPECTED} is written.")


if __name__ == "__main__":
    main()
