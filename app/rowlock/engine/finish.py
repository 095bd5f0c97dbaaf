"""Finishing: the outcomes of attempts are written in batches, each fenced by its lease token.

Outcomes gather while the previous batch is on its way; nobody sleeps to fill a batch. While the database is away they
are kept and tried again: the fence makes that harmless. An outcome that the database does not accept belongs to a lease
that was lost: it changed nothing, and whoever holds the attempt is told. One that cannot be stored holds up no other;
those whose tasks somebody else has locked, or that the database refuses for now, wait `aside`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from rowlock.domain.backoff import Backoff
from rowlock.domain.errors import AlreadyExists, InvalidArgument, RowlockError, is_lock_timeout
from rowlock.engine.aside import LONGEST_PAUSE_SECONDS, Aside, concerns_all, doubt
from rowlock.engine.writing import LOCK_TIMEOUT, Ending, Hand, Way, find_locked, grouped, make_way, write
from rowlock.store.cancelling import cancelled
from rowlock.store.database import Database
from rowlock.store.leases import FailedAttempt
from rowlock.store.refusals import Refusing
from rowlock.telemetry.logs import get_logger

log = get_logger("rowlock.finish")


class Finisher:
    """Writes endings for one worker. `settled(endings, accepted tokens)` is called after each batch, `well` when none
    that waits aside is refused any more."""

    def __init__(
        self,
        database: Database,
        worker_id: Callable[[], int],
        *,
        batch: int,
        settled: Callable[[list[Ending], set[int] | None], None],
        troubled: Callable[[RowlockError], None],
        well: Callable[[], None],
    ) -> None:
        self._worker_id = worker_id
        self._batch = batch
        self._tell = settled
        self._troubled = troubled
        self._quick = Hand(Refusing(database), LOCK_TIMEOUT)
        self._aside = Aside(database, self._write, batch=batch, troubled=troubled, well=well)
        self._unwritten = 0
        self._waiting: deque[Ending] = deque()
        self._something = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def __len__(self) -> int:
        """How many are put and not written."""
        return self._unwritten

    @property
    def any_refused(self) -> bool:
        """Whether the database refuses an outcome that waits aside."""
        return self._aside.any_refused

    def put(self, ending: Ending) -> None:
        """Takes an ending; never blocks. What waits is bounded by the worker, which claims no more than it may hold."""
        if not self._unwritten:
            self._idle.clear()
        self._unwritten += 1
        self._append(ending)

    def _append(self, ending: Ending) -> None:
        if not self._waiting:
            self._something.set()
        self._waiting.append(ending)

    async def flushed(self) -> None:
        """Returns when everything put so far is written."""
        await self._idle.wait()

    async def run(self) -> None:
        """Writes until cancelled."""
        both = [asyncio.create_task(self._write_waiting()), asyncio.create_task(self._aside.run())]
        try:
            ended, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            for one in ended:  # by an error, for neither comes to an end
                one.result()
        finally:
            await cancelled(*both)

    async def _write_waiting(self) -> None:
        while True:
            await self._something.wait()
            batch = [self._waiting.popleft() for _ in range(min(self._batch, len(self._waiting)))]
            if not self._waiting:
                self._something.clear()
            for way, group in grouped(batch):
                await self._write_surely(way, group)

    async def _write_surely(self, way: Way, group: list[Ending]) -> None:
        """Tries until the database answers. What it refuses, or what is locked, is left to be written aside."""
        backoff = Backoff(0.05, LONGEST_PAUSE_SECONDS)
        while group:
            try:
                group = await self._write_or_part(way, group)
            except RowlockError as error:  # whatever it is, it is the database's, and may pass
                doubt(group, error)
                self._troubled(error)
                await asyncio.sleep(backoff.pause())

    async def _write_or_part(self, way: Way, group: list[Ending]) -> list[Ending]:
        """What is to be tried again, without what was in the way of it. Raises what concerns all."""
        try:
            await self._write(self._quick, way, group)
        except (AlreadyExists, InvalidArgument):  # one that cannot be stored must not hold up the others
            for ending in group:
                await self._write_surely(way, [ending])
        except RowlockError as error:
            if concerns_all(error):
                raise
            return await self._set_aside(group, error)
        return []

    async def _write(self, hand: Hand, way: Way, group: list[Ending]) -> None:
        """Writes a group, all or none, and tells of it; what cannot be stored, but may be buried, is put once more."""
        try:
            accepted = await self._write_with_room(hand, way, group)
        except (AlreadyExists, InvalidArgument) as error:
            if len(group) > 1:
                raise
            self._refuse(group[0], error)
        else:
            self._settled(group, None if any(ending.in_doubt for ending in group) else accepted)

    async def _write_with_room(self, hand: Hand, way: Way, group: list[Ending]) -> set[int]:
        """The tokens that were accepted."""
        while True:
            try:
                return await write(hand.runner, way, group, worker_id=self._worker_id(), lock_timeout=hand.lock_timeout)
            except AlreadyExists:
                if not await make_way(hand, way, group):
                    raise

    async def _set_aside(self, group: list[Ending], error: RowlockError) -> list[Ending]:
        """Sets aside what is locked, else all that is refused; what is left."""
        locked = await find_locked(self._quick.runner, group) if is_lock_timeout(error) else set()
        if not locked:
            log.warning("Outcomes wait: the database does not take them.", outcomes=len(group), error=error.message)
            self._troubled(error)
            self._aside.put(group, refused=True)
            return []
        aside = [ending for ending in group if ending.task.lease_token in locked]
        for ending in aside:
            log.warning("An outcome waits: a transaction has locked its task.", task_id=str(ending.task.id))
        self._aside.put(aside, refused=False)
        return [ending for ending in group if ending.task.lease_token not in locked]

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
        self._append(Ending(ending.task, Way.BURY, outcome="failed", said=said))

    def _settled(self, group: list[Ending], accepted: set[int] | None) -> None:
        self._unwritten -= len(group)
        self._aside.forget(group)
        self._tell(group, accepted)
        if not self._unwritten:
            self._idle.set()
