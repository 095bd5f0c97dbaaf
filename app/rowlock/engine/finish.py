"""Finishing: the outcomes of attempts are written in batches, each fenced by its lease token.

Outcomes gather while the previous batch is on its way; nobody sleeps to fill a batch. While the database is away they
are kept and tried again: the fence makes that harmless. An outcome that the database does not accept belongs to a lease
that was lost: it changed nothing, and whoever holds the attempt is told. One that cannot be stored holds up no other.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable

from rowlock.domain.backoff import Backoff
from rowlock.domain.errors import AlreadyExists, InvalidArgument, OutcomeUnknown, RowlockError
from rowlock.engine.writing import Ending, Way, make_way, write
from rowlock.store.database import Database
from rowlock.store.leases import FailedAttempt
from rowlock.telemetry.logs import get_logger

log = get_logger("rowlock.finish")
LONGEST_PAUSE_SECONDS = 2.0


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
            except (AlreadyExists, InvalidArgument) as error:
                await self._write_one_by_one(group, error)
                return
            except RowlockError as error:  # whatever it is, it is the database's, and may pass
                self._troubled(error)
                unknown = unknown or isinstance(error, OutcomeUnknown)
                await asyncio.sleep(backoff.pause())
            else:
                if accepted is not None:
                    self._settled(group, None if unknown else accepted)
                    return

    async def _write(self, way: Way, group: list[Ending]) -> set[int] | None:
        """The tokens that were accepted; None where something was in the way, and is not any more."""
        try:
            return await write(self._database, way, group, worker_id=self._worker_id())
        except AlreadyExists:
            if not await make_way(self._database, way, group):
                raise
            return None

    async def _write_one_by_one(self, group: list[Ending], error: AlreadyExists | InvalidArgument) -> None:
        """One ending that cannot be stored must not hold up the others."""
        if len(group) == 1:
            self._refuse(group[0], error)
            return
        for ending in group:
            await self._write_surely(ending.way, [ending])

    def _refuse(self, ending: Ending, error: AlreadyExists | InvalidArgument) -> None:
        """What the handler returned cannot be stored: the attempt is buried with that reason instead. Where that cannot
        be stored either, or no day is free for it, the lease runs out."""
        log.error("An outcome could not be stored.", task_id=str(ending.task.id), error=error.message)
        if ending.way is Way.BURY or isinstance(error, AlreadyExists):
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
