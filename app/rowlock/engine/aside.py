"""Endings that could not be written beside others: their tasks are locked, or the database refuses them for now.

They have a connection of their own, and take their turns on it: none waits for another for longer than a moment.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import islice

from rowlock.domain.backoff import Backoff
from rowlock.domain.errors import (
    DatabaseUnavailable,
    OutcomeUnknown,
    RowlockError,
    SchemaOutdated,
    is_lock_timeout,
)
from rowlock.domain.trouble import Trouble
from rowlock.engine.writing import LOCK_TIMEOUT, Ending, Hand, Way, find_locked, grouped
from rowlock.store.database import Database
from rowlock.store.refusals import Refusing
from rowlock.store.spare import SpareLink

LONGEST_PAUSE_SECONDS = 2.0
PATIENT_LOCK_TIMEOUT = "1s"  # for which one of those that are locked stands in the line for its row
_OF_ONE_STATEMENT = (
    Trouble.SERIALIZATION, Trouble.DEADLOCK, Trouble.LOCK_TIMEOUT, Trouble.STATEMENT_TIMEOUT, Trouble.OTHER,
    Trouble.ACCESS_REFUSED, Trouble.SCHEMA_CHANGED,  # for what a trigger of the database's owner does, perhaps
)  # fmt: skip


class Aside:
    """One finisher's. `write(hand, way, endings)` writes all or none, and tells of them; it raises why it could not.
    `well` is called when the database refuses none any more, though some may be locked."""

    def __init__(
        self,
        database: Database,
        write: Callable[[Hand, Way, list[Ending]], Awaitable[None]],
        *,
        batch: int,
        troubled: Callable[[RowlockError], None],
        well: Callable[[], None],
    ) -> None:
        self._write = write
        self._batch = batch
        self._troubled = troubled
        self._well = well
        self._in_trouble = False
        self._link = SpareLink(database, "locked")
        self._brief = Hand(Refusing(self._link), LOCK_TIMEOUT)
        self._patient = Hand(self._brief.runner, PATIENT_LOCK_TIMEOUT)
        self._waiting: deque[Ending] = deque()
        self._something = asyncio.Event()
        self._refused: set[int] = set()

    @property
    def any_refused(self) -> bool:
        """Whether the database refuses one that waits here."""
        return bool(self._refused)

    def put(self, endings: Iterable[Ending], *, refused: bool) -> None:
        """Takes some that could not be written with the others."""
        for ending in endings:
            self._waiting.append(ending)
            if refused:
                self._refused.add(ending.task.lease_token)
                self._in_trouble = True
            else:  # any more: it is merely locked
                self._refused.discard(ending.task.lease_token)
        if self._waiting:
            self._something.set()

    def forget(self, endings: Iterable[Ending]) -> None:
        """These are written."""
        if self._refused:
            self._refused.difference_update(ending.task.lease_token for ending in endings)

    async def run(self) -> None:
        """Writes them until cancelled."""
        backoff = Backoff(0.05, LONGEST_PAUSE_SECONDS)
        try:
            while True:
                await self._something.wait()
                if await self._round():
                    backoff.reset()
                else:
                    await asyncio.sleep(backoff.pause())
                if not self._waiting:
                    self._something.clear()
                    await self._link.close()
        finally:
            await self._link.close()

    async def _round(self) -> bool:
        """Tries each of a batch once, and then waits in the line for the first of those that are locked; False where
        all were refused."""
        batch = list(islice(self._waiting, self._batch))
        try:
            locked = await find_locked(self._patient.runner, batch)
        except RowlockError as error:
            self._in_trouble = True
            self._troubled(error)
            return False
        for _ in batch:
            self._waiting.popleft()
        held = [ending for ending in batch if ending.task.lease_token in locked]
        for way, group in grouped(e for e in batch if e.task.lease_token not in locked):
            await self._write_free(way, group)
        if held:
            await self._stand_in_line(held[0])
        self.put(held[1:], refused=False)
        if self._in_trouble and not self._refused:
            self._in_trouble = False
            self._well()
        return bool(held) or not all(ending.task.lease_token in self._refused for ending in batch)

    async def _write_free(self, way: Way, group: list[Ending]) -> None:
        """Together, and one by one where one of them may be what is refused."""
        if len(group) > 1:
            try:
                await self._write(self._brief, way, group)
            except RowlockError as error:
                if concerns_all(error):
                    self._keep(group, error)
                    return
            else:
                return
        for ending in group:
            try:
                await self._write(self._brief, way, [ending])
            except RowlockError as error:
                self._keep([ending], error)

    async def _stand_in_line(self, ending: Ending) -> None:
        try:
            await self._write(self._patient, ending.way, [ending])
        except RowlockError as error:
            if is_lock_timeout(error):
                self.put([ending], refused=False)
            else:
                self._keep([ending], error)

    def _keep(self, endings: Sequence[Ending], error: RowlockError) -> None:
        doubt(endings, error)
        self.put(endings, refused=True)
        self._troubled(error)


def concerns_all(error: RowlockError) -> bool:
    """Whether others would hardly be written either, rather than what was refused being in the way of itself."""
    if isinstance(error, DatabaseUnavailable):
        return error.trouble not in _OF_ONE_STATEMENT
    return isinstance(error, (OutcomeUnknown, SchemaOutdated))


def doubt(endings: Iterable[Ending], error: RowlockError) -> None:
    """Notes what may be written, though the answer was lost: a token not accepted is no proof of a lost lease then."""
    for ending in endings:
        ending.in_doubt = ending.in_doubt or isinstance(error, OutcomeUnknown)
