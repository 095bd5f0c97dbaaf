"""How one attempt comes to its ending: may it be run here, does it run alone, and what does its result lead to."""

from __future__ import annotations

import random
from collections.abc import Callable

from rowlock.client import Rowlock
from rowlock.domain.decide import ReasonCode, Result
from rowlock.domain.errors import RowlockError, is_lock_timeout
from rowlock.engine.endings import RELEASED, cancelled, deferred, given_back, put_off
from rowlock.engine.writing import LOCK_TIMEOUT, Ending
from rowlock.handlers.handler import Handler
from rowlock.store import leases
from rowlock.store.database import Database
from rowlock.store.leases import ClaimedTask
from rowlock.worker.alone import Turns
from rowlock.worker.attempt import Attempt, Stop
from rowlock.worker.could_not_begin import CouldNotBegin
from rowlock.worker.executors import Executors

PUT_OFF_SECONDS = 15.0  # a task that cannot be run here is looked at again after this
SPREAD = 0.2  # of that, more or less: those that were put off together do not come back together
GIVE_BACK_SECONDS = 1.0  # and after this where others can, and this worker leaves it to them for a while


class Performer:
    """Runs attempts for one worker. It writes nothing but that an attempt begins alone."""

    def __init__(
        self,
        app: Rowlock,
        database: Database,
        executors: Executors,
        turns: Turns,
        *,
        troubled: Callable[[RowlockError], None],
    ) -> None:
        self._app = app
        self._database = database
        self._executors = executors
        self._turns = turns
        self._troubled = troubled

    async def perform(self, attempt: Attempt) -> Ending | None:
        """How the attempt ends; None where its lease is lost. Raises `CancelledError` where the worker stops it."""
        task = attempt.task
        if task.cancel_requested:  # while an earlier attempt ran
            return cancelled(task)
        handler = self._app.handlers.get(task.name)
        if handler is None:
            return _left_to_others(task, "no_handler")
        if not handler.payloads.knows(task.payload_version):
            return _left_to_others(task, ReasonCode.UNKNOWN_VERSION)
        if task.must_run_alone:
            return await self._alone(attempt, handler)
        return await self._run(attempt, handler)

    def abandoned(self, attempt: Attempt, result: Result) -> Ending:
        """How an attempt ends whose handler goes on."""
        return attempt.ending(result, self._app.handlers[attempt.task.name])

    async def _alone(self, attempt: Attempt, handler: Handler) -> Ending | None:
        task = attempt.task
        async with self._turns.alone() as its_turn:
            if not its_turn:
                return put_off(task, ReasonCode.WAITS_TO_RUN_ALONE, PUT_OFF_SECONDS)
            try:
                held = await leases.begin_alone(self._database, task.id, task.lease_token, lock_timeout=LOCK_TIMEOUT)
            except RowlockError as error:
                if not is_lock_timeout(error):  # else a transaction has locked the task, for as long as it likes
                    self._troubled(error)
                return given_back(task, begun=False)
            if not held:
                attempt.stop = Stop.LEASE_LOST
                return None
            return await self._run(attempt, handler)

    async def _run(self, attempt: Attempt, handler: Handler) -> Ending:
        try:
            return await attempt.perform(handler, self._app.middlewares, self._executors)
        except CouldNotBegin as error:
            self._executors.pause()
            return put_off(attempt.task, RELEASED, GIVE_BACK_SECONDS, error=str(error))


def _left_to_others(task: ClaimedTask, reason: str) -> Ending:
    """A moment the first time, for others may have its code: a deploy may be under way. Then about a minute."""
    return deferred(task, reason, PUT_OFF_SECONDS * random.uniform(1 - SPREAD, 1 + SPREAD))
