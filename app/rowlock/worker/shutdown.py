"""The end of a worker, by stages: stop claiming, drain, release, force. Each is logged with its figures and how long it
took. Whatever a handler does, no lease is left behind: what cannot be stopped is given back without it. Nor is one that
the worker never heard of, because the answer to its claim was lost.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rowlock.config import Settings
from rowlock.domain.errors import RowlockError
from rowlock.store import leases, workers
from rowlock.store.cancelling import cancelled
from rowlock.store.database import Database
from rowlock.store.refusals import refusing
from rowlock.telemetry.logs import get_logger
from rowlock.worker.attempt import Stop
from rowlock.worker.held import Held

LAST_CLAIM_SECONDS = 3.0  # for which the last claim is waited for: one for a lane that another worker holds takes two

log = get_logger("rowlock.worker")


class Shutdown:
    """One worker's. `hurry` cuts the draining short."""

    def __init__(self, settings: Settings, held: Held, *, hurry: asyncio.Event) -> None:
        self._settings = settings
        self._held = held
        self._hurry = hurry

    async def stop_claiming(self, claims: asyncio.Task[None]) -> None:
        """Waits until the claim loop has seen that it is to end. A claim that nobody answers is given up."""
        began = time.monotonic()
        await asyncio.wait([claims], timeout=LAST_CLAIM_SECONDS)
        answered = claims.done()
        await cancelled(claims)
        log.info(
            "Stopping, stage 1 of 4: claims nothing any more.",
            held=len(self._held.attempts),
            answered=answered,
            seconds=_since(began),
        )

    async def drain(self) -> None:
        """Gives back what has not begun, and lets the rest finish."""
        began, held = time.monotonic(), len(self._held.attempts)
        unbegun = [attempt for attempt in self._held.attempts.values() if not attempt.begun]
        for attempt in unbegun:
            attempt.request_stop(Stop.WORKER_STOPS)
        self._held.give_back_waiting()
        await self._until_quiet(self._settings.drain_seconds, self._hurry)
        log.info(
            "Stopping, stage 2 of 4: what ran had its time to finish.",
            given_back=len(unbegun),
            finished=held - len(unbegun) - len(self._held.attempts),
            left=len(self._held.attempts),
            hurried=self._hurry.is_set(),
            seconds=_since(began),
        )

    async def release(self) -> None:
        """Stops what still runs, and gives it back."""
        began, held = time.monotonic(), len(self._held.attempts)
        for attempt in list(self._held.attempts.values()):
            attempt.request_stop(Stop.WORKER_STOPS)
        await self._until_quiet(self._settings.force_seconds)
        log.info(
            "Stopping, stage 3 of 4: what still ran was stopped and given back.",
            given_back=held - len(self._held.attempts),
            left=len(self._held.attempts),
            seconds=_since(began),
        )

    def force(self) -> None:
        """Gives back what could not be stopped; its handlers go on until the process ends."""
        stubborn = list(self._held.attempts.values())
        for attempt in stubborn:
            attempt.abandon()
        log.info(
            "Stopping, stage 4 of 4: what could not be stopped was given back without its handler.",
            abandoned=len(stubborn),
        )

    async def say_goodbye(
        self, database: Database, worker_id: int, name: str, beating: asyncio.Task[None], *, in_doubt: bool
    ) -> None:
        """Writes every outcome and the worker's own end, and gives back what claims took whose answers were
        lost: that is looked for only where one may have been, for it takes reading all live tasks.

        The heart beats until every outcome is written, and no longer: a beat that arrived after the worker's end would
        call it back to life.
        """
        began, unheard = time.monotonic(), 0
        async with self._trying("The worker leaves leases behind, which will run out by themselves."):
            await self._held.finisher.flushed()
        if in_doubt:
            async with self._trying("The worker may leave leases behind that it never heard of; they will run out."):
                known = [*self._held.attempts, *self._held.unwritten]
                unheard = await leases.release_unheard(database, worker_id, known=known)
        await self.leave(database, worker_id, beating)
        figures = self._held.figures
        log.info(
            "The worker has stopped.",
            worker=name,
            claimed=figures.claimed,
            finished=figures.finished,
            released=figures.released,
            lost=figures.lost,
            abandoned=figures.abandoned,
            unheard=unheard,
            left_behind=len(self._held.attempts) + len(self._held.finisher),
            seconds=_since(began),
        )

    async def leave(self, database: Database, worker_id: int, *beating: asyncio.Task[None]) -> None:
        """Writes the worker's own end, once its heart has stopped."""
        async with self._trying("The worker could not say goodbye; its row will run out by itself."):
            await cancelled(*beating)
            await workers.stop_worker(database, worker_id)

    @asynccontextmanager
    async def _trying(self, otherwise: str) -> AsyncIterator[None]:
        try:
            with refusing():
                async with self._patience():
                    yield
        except (TimeoutError, RowlockError) as error:
            log.error(otherwise, error=str(error))

    def _patience(self) -> asyncio.Timeout:
        return asyncio.timeout(max(5.0, self._settings.connect_seconds))

    async def _until_quiet(self, seconds: float, hurry: asyncio.Event | None = None) -> None:
        if not self._held.attempts:
            return
        self._held.quiet.clear()
        events = [self._held.quiet] if hurry is None else [self._held.quiet, hurry]
        waits = [asyncio.create_task(event.wait()) for event in events]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


def _since(began: float) -> float:
    return round(time.monotonic() - began, 3)
