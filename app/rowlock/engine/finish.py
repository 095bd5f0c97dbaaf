"""Finishing: the outcomes of attempts are written in batches, each fenced by its lease token.

Outcomes gather while the previous batch is on its way; nobody sleeps to fill a batch. While the database is away they
are kept and tried again: the fence makes that harmless. An outcome that the database does not accept belongs to a lease
that was lost: it changed nothing, and whoever holds the attempt is told. One that cannot be stored holds up no other,
and those whose tasks somebody else has locked wait aside, on a connection of their own.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rowlock.domain.backoff import Backoff
from rowlock.domain.errors import AlreadyExists, DatabaseUnavailable, InvalidArgument, OutcomeUnknown, RowlockError
from rowlock.domain.trouble import Trouble
from rowlock.engine.writing import LOCK_TIMEOUT, Ending, Way, find_locked, make_way, write
from rowlock.store.cancelling import cancelled
from rowlock.store.database import Database
from rowlock.store.leases import FailedAttempt
from rowlock.store.links import Runner
from rowlock.store.spare import SpareLink
from rowlock.telemetry.logs import get_logger

log = get_logger("rowlock.finish")
LONGEST_PAUSE_SECONDS = 2.0
PATIENT_LOCK_TIMEOUT = "1s"  # for which one of those that are set aside stands in the line for its row


@dataclass(frozen=True, slots=True)
class Hand:
    """What endings are written with: a connection, and how long it waits for a row that somebody else has locked."""

    runner: Runner
    lock_timeout: str


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
        self._worker_id = worker_id
        self._batch = batch
        self._tell = settled
        self._troubled = troubled
        self._quick = Hand(database, LOCK_TIMEOUT)
        self._spare = SpareLink(database, "locked")
        self._patient = Hand(self._spare, PATIENT_LOCK_TIMEOUT)
        self._unwritten = 0
        self._waiting: deque[Ending] = deque()
        self._something = asyncio.Event()
        self._locked: deque[Ending] = deque()
        self._something_locked = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def __len__(self) -> int:
        """How many are put and not written."""
        return self._unwritten

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
        both = [asyncio.create_task(self._write_waiting()), asyncio.create_task(self._write_locked())]
        try:
            ended, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            for one in ended:  # by an error, for neither comes to an end
                one.result()
        finally:
            await cancelled(*both)
            await self._spare.close()

    async def _write_waiting(self) -> None:
        while True:
            await self._something.wait()
            batch = [self._waiting.popleft() for _ in range(min(self._batch, len(self._waiting)))]
            if not self._waiting:
                self._something.clear()
            await self._write_all(self._quick, batch)

    async def _write_locked(self) -> None:
        """Writes what has been unlocked, then waits in the line for one that has not."""
        backoff = Backoff(0.05, LONGEST_PAUSE_SECONDS)
        while True:
            await self._something_locked.wait()
            batch = list(self._locked)[: self._batch]
            try:
                locked = await find_locked(self._patient.runner, batch)
            except RowlockError as error:
                self._troubled(error)
                await asyncio.sleep(backoff.pause())
                continue
            backoff.reset()
            for _ in batch:
                self._locked.popleft()
            held = [ending for ending in batch if ending.task.lease_token in locked]
            self._locked.extend(held[1:])
            await self._write_all(self._patient, [e for e in batch if e.task.lease_token not in locked])
            await self._write_all(self._patient, held[:1])
            if not self._locked:
                self._something_locked.clear()
                await self._spare.close()

    async def _write_all(self, hand: Hand, endings: Iterable[Ending]) -> None:
        groups: dict[Way, list[Ending]] = defaultdict(list)
        for ending in endings:
            groups[ending.way].append(ending)
        for way, group in groups.items():
            await self._write_surely(hand, way, group)

    async def _write_surely(self, hand: Hand, way: Way, group: list[Ending]) -> None:
        """Tries until the database answers. After a lost reply, a token not accepted is no proof of a lost lease."""
        backoff = Backoff(0.05, LONGEST_PAUSE_SECONDS)
        while group:
            try:
                accepted = await self._write(hand, way, group)
            except (AlreadyExists, InvalidArgument) as error:
                await self._write_one_by_one(hand, group, error)
                return
            except RowlockError as error:  # whatever it is, it is the database's, and may pass
                self._troubled(error)
                for ending in group:
                    ending.in_doubt = ending.in_doubt or isinstance(error, OutcomeUnknown)
                await asyncio.sleep(backoff.pause())
            else:
                if accepted is not None:
                    self._settled(group, None if any(ending.in_doubt for ending in group) else accepted)
                    return

    async def _write(self, hand: Hand, way: Way, group: list[Ending]) -> set[int] | None:
        """The tokens that were accepted; None where something was in the way of the group as it is left."""
        try:
            return await write(hand.runner, way, group, worker_id=self._worker_id(), lock_timeout=hand.lock_timeout)
        except AlreadyExists:
            if not await make_way(hand.runner, way, group):
                raise
        except DatabaseUnavailable as error:
            if error.trouble is not Trouble.LOCK_TIMEOUT or not await self._set_aside(hand, group):
                raise
        return None

    async def _set_aside(self, hand: Hand, group: list[Ending]) -> bool:
        """Takes out of the group whatever is locked; False where nothing is."""
        locked = await find_locked(hand.runner, group)
        aside = [ending for ending in group if ending.task.lease_token in locked]
        group[:] = [ending for ending in group if ending.task.lease_token not in locked]
        self._locked.extend(aside)
        if aside:
            self._something_locked.set()
        if hand is self._quick:
            for ending in aside:
                log.warning("An outcome waits: a transaction has locked its task.", task_id=str(ending.task.id))
        return bool(aside)

    async def _write_one_by_one(self, hand: Hand, group: list[Ending], error: AlreadyExists | InvalidArgument) -> None:
        """One ending that cannot be stored must not hold up the others."""
        if len(group) == 1:
            self._refuse(group[0], error)
            return
        for ending in group:
            await self._write_surely(hand, ending.way, [ending])

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
        self._tell(group, accepted)
        if not self._unwritten:
            self._idle.set()
