"""Finishing: the outcomes of attempts are written in batches, each fenced by its lease token.

Outcomes gather while the previous batch is on its way; nobody sleeps to fill a batch. While the database is away they
are kept and tried again: the fence makes that harmless. An outcome that the database does not accept belongs to a lease
that was lost: it changed nothing, and whoever holds the attempt is told.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from rowlock.domain.backoff import Backoff
from rowlock.domain.errors import InvalidArgument, OutcomeUnknown, RowlockError
from rowlock.store import leases
from rowlock.store.database import Database
from rowlock.store.leases import ClaimedTask, FailedAttempt
from rowlock.telemetry.logs import get_logger

log = get_logger("rowlock.finish")
LONGEST_PAUSE_SECONDS = 2.0


class Way(StrEnum):
    """The statement that writes an outcome. Text, because a plain Enum is hashed in Python, and each outcome is."""

    COMPLETE = "complete"
    COMPLETE_WITH_RESULT = "complete_with_results"
    RETRY = "retry"
    BURY = "bury"
    SNOOZE = "snooze"
    CANCEL = "acknowledge_cancel"
    RELEASE = "release"


@dataclass(slots=True)
class Ending:
    """How one attempt ended, waiting to be written."""

    task: ClaimedTask
    way: Way
    outcome: str = "succeeded"
    result: str | None = None
    result_version: int = 1
    said: FailedAttempt | None = None


class Finisher:
    """Writes endings for one worker. `settled(endings, accepted tokens)` is called after each batch."""

    def __init__(
        self,
        database: Database,
        worker_id: Callable[[], int],
        *,
        batch: int,
        settled: Callable[[list[Ending], set[int] | None], None],
        troubled: Callable[[RowlockError], None],
    ) -> None:
        self._database = database
        self._worker_id = worker_id
        self._batch = batch
        self._settled = settled
        self._troubled = troubled
        self._waiting: deque[Ending] = deque()
        self._something = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, ending: Ending) -> None:
        """Takes an ending; never blocks. What waits is bounded by the worker, which claims no more than it may hold."""
        if not self._waiting:
            self._something.set()
            self._idle.clear()
        self._waiting.append(ending)

    async def flushed(self) -> None:
        """Returns when everything put so far is written."""
        await self._idle.wait()

    async def run(self) -> None:
        """Writes until cancelled."""
        while True:
            await self._something.wait()
            batch = [self._waiting.popleft() for _ in range(min(self._batch, len(self._waiting)))]
            if not self._waiting:
                self._something.clear()
            groups: dict[Way, list[Ending]] = defaultdict(list)
            for ending in batch:
                groups[ending.way].append(ending)
            for way, group in groups.items():
                await self._write_surely(way, group)
            if not self._waiting:
                self._idle.set()

    async def _write_surely(self, way: Way, group: list[Ending]) -> None:
        """Tries until the database answers. After a lost reply, a token not accepted is no proof of a lost lease."""
        backoff, unknown = Backoff(0.05, LONGEST_PAUSE_SECONDS), False
        while True:
            try:
                accepted = await self._write(way, group)
            except InvalidArgument as error:
                await self._write_one_by_one(group, error)
                return
            except RowlockError as error:  # whatever it is, it is the database's, and may pass
                self._troubled(error)
                unknown = unknown or isinstance(error, OutcomeUnknown)
                await asyncio.sleep(backoff.pause())
            else:
                self._settled(group, None if unknown else accepted)
                return

    async def _write_one_by_one(self, group: list[Ending], error: InvalidArgument) -> None:
        """One ending that cannot be stored must not hold up the others."""
        if len(group) == 1:
            self._refuse(group[0], error)
            return
        for ending in group:
            await self._write_surely(ending.way, [ending])

    def _refuse(self, ending: Ending, error: InvalidArgument) -> None:
        """What the handler returned cannot be stored: the attempt is buried with that reason instead."""
        log.error("An outcome could not be stored.", task_id=str(ending.task.id), error=error.message)
        if ending.way is Way.BURY:
            self._settled([ending], set())
            return
        said = FailedAttempt(
            ending.task.id,
            ending.task.lease_token,
            "failed",
            "failed_for_good",
            f"The outcome cannot be stored: {error.message}",
        )
        self.put(Ending(ending.task, Way.BURY, outcome="failed", said=said))

    async def _write(self, way: Way, group: list[Ending]) -> set[int]:
        ids = [ending.task.id for ending in group]
        tokens = [ending.task.lease_token for ending in group]
        said = [ending.said for ending in group if ending.said is not None]
        match way:
            case Way.COMPLETE:
                return await leases.complete(self._database, ids, tokens)
            case Way.COMPLETE_WITH_RESULT:
                results = [ending.result or "null" for ending in group]
                versions = [ending.result_version for ending in group]
                return await leases.complete_with_results(self._database, ids, tokens, results, versions)
            case Way.RETRY:
                return await leases.retry(self._database, said, worker_id=self._worker_id())
            case Way.SNOOZE:
                return await leases.snooze(self._database, said, worker_id=self._worker_id())
            case Way.BURY:
                return await leases.bury(self._database, said)
            case Way.CANCEL:
                return await leases.acknowledge_cancel(self._database, said)
            case Way.RELEASE:
                await leases.release(self._database, ids, tokens)
                return set(tokens)
