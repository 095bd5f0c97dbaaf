"""What a worker holds: attempts, from their claim until their outcome is written, and the room that is left.

What it holds is bounded by its concurrency and its pace, and what needs a thread or a child process by its `places`: it
claims only what it can run, or will have begun in a moment. Attempts begin and end here, whatever becomes of them;
outcomes are kept until the database has taken them, and so are their leases.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

from rowlock.client import Rowlock
from rowlock.config import Settings
from rowlock.domain.decide import Result
from rowlock.engine.endings import RELEASED, cancelled, given_back, put_off
from rowlock.engine.finish import Finisher
from rowlock.engine.writing import Ending, Way
from rowlock.store.database import Database
from rowlock.store.leases import ClaimedTask
from rowlock.telemetry.condition import Condition
from rowlock.telemetry.logs import get_logger
from rowlock.telemetry.metrics import process_metrics
from rowlock.worker.alone import Turns
from rowlock.worker.attempt import Attempt, Stop, Surroundings
from rowlock.worker.executors import Executors
from rowlock.worker.pace import Pace
from rowlock.worker.performing import PUT_OFF_SECONDS, Performer
from rowlock.worker.places import Places
from rowlock.worker.reporter import DatabaseReporter
from rowlock.worker.runners import Runners

log = get_logger("rowlock.worker")


@dataclass(slots=True)
class Figures:
    """What a worker has done, for its last log line."""

    claimed: int = 0
    finished: int = 0
    lost: int = 0
    released: int = 0
    abandoned: int = 0


class Held:
    """One worker's. `attempts` has them by their lease tokens, `unwritten` those that have ended but are not written.
    `comes_back` hears in how many seconds the first of some attempts that have just ended is to be tried again, and
    `wake` is called when there are places for tasks that were left where they are."""

    def __init__(
        self,
        app: Rowlock,
        settings: Settings,
        database: Database,
        condition: Condition,
        queues: Collection[str],
        *,
        handlers: Database,
        worker: str,
        worker_id: Callable[[], int],
        comes_back: Callable[[float], None],
        wake: Callable[[], None],
    ) -> None:
        self.attempts: dict[int, Attempt] = {}
        self.unwritten: dict[int, Attempt] = {}
        self.figures = Figures()
        self.freed = asyncio.Event()  # there may be more room than there was
        self.quiet = asyncio.Event()  # nothing is held any more
        self.executors = Executors(
            threads=min(settings.threads, settings.concurrency),
            step_threads=settings.threads,  # one attempt may take several at once
            child_processes=settings.child_processes,
            preload={h.function.__module__ for h in app.handlers.values() if h.executor == "process"} - {"__main__"},
            starts_again=self._look_again,
        )
        self.places = Places(
            app.handlers.values(),
            queues,
            self.executors,
            ahead_seconds=settings.claim_ahead_seconds,
            freed=wake,
        )
        self.finisher = Finisher(
            database,
            worker_id,
            batch=settings.finish_batch,
            settled=self._settled,
            troubled=partial(condition.troubled, "finish"),
            well=partial(condition.well, "finish"),
        )
        self._settings = settings
        self._handlers = handlers
        self._condition = condition
        self._worker = worker
        self._comes_back = comes_back
        self._wake = wake
        self._alone: set[int] = set()  # tokens of what is held and must run alone
        self._turns = Turns(lambda: len(self.attempts), patience_seconds=settings.lease_seconds)
        self._pace = Pace(settings.claim_ahead_seconds)
        self._runners = Runners(self._perform, most=settings.concurrency, give_up=self._give_up)
        self._performer = Performer(
            app,
            database,
            self.executors,
            self._turns,
            troubled=partial(condition.troubled, "claim"),
        )

    def free_room(self) -> int:
        """How much a claim may take; nothing while one is to run alone. Outcomes on their way are bounded too.

        No claim takes more than half of what may be held, so that one half runs while the other is claimed. To claim
        ahead serves those who could not hold two claims else.
        """
        if self._alone:
            return 0
        held, concurrency, batch = len(self.attempts), self._settings.concurrency, self._settings.claim_batch
        most = max(concurrency, min(concurrency + self._pace.ahead(), 2 * batch))
        return min(batch, (most + 1) // 2, most - held, 2 * max(most, batch) - held - len(self.unwritten))

    @property
    def is_quick(self) -> bool:
        """Whether what is held ends within a moment, as things go."""
        return self._pace.is_quick(len(self.attempts))

    @cached_property
    def _surroundings(self) -> Surroundings:
        """Made when the event loop runs that the attempts will run on."""
        return Surroundings(
            DatabaseReporter(self._handlers, self.executors.step_threads, self._condition),
            asyncio.get_running_loop(),
            self._worker,
            max_result_bytes=self._settings.max_result_bytes,
            leads_to=(self._handlers.url, self._handlers.schema),
            grace_seconds=self._settings.cancel_grace_seconds,
            force_seconds=self._settings.force_seconds,
            on_abandoned=self._abandon,
        )

    def begin(self, taken: Sequence[ClaimedTask]) -> None:
        """Runs what was claimed."""
        self._runners.put(self._take(taken))

    def give_back(self, taken: Sequence[ClaimedTask]) -> None:
        """Releases what was claimed, for the worker has begun to stop meanwhile."""
        for attempt in self._take(taken):
            self._end(attempt, given_back(attempt.task, begun=False))

    def give_back_waiting(self) -> None:
        """Releases what was claimed ahead and waits for a place, for the worker has begun to stop."""
        self._give_up(self._runners.withdraw())

    def _give_up(self, waiting: Sequence[Attempt]) -> None:
        for attempt in waiting:
            if attempt.task.lease_token in self.attempts:
                self._end_stopped(attempt)

    def _take(self, taken: Sequence[ClaimedTask]) -> list[Attempt]:
        self.figures.claimed += len(taken)
        attempts = [Attempt(task, self._surroundings) for task in taken]
        self.attempts.update((attempt.task.lease_token, attempt) for attempt in attempts)
        self._alone.update(task.lease_token for task in taken if task.must_run_alone)
        self.places.take(taken)
        return attempts

    async def _perform(self, attempt: Attempt) -> None:
        """The whole of an attempt. One that was abandoned meanwhile has ended without what comes of it here."""
        ending = None
        if attempt.stop is None:  # else it was stopped before it came to this
            try:
                ending = await self._performer.perform(attempt)
            except asyncio.CancelledError:
                ending = None
            except Exception:  # whatever it is, the attempt must not be held for ever
                log.exception("An attempt could not be run.", task_id=str(attempt.task.id))
                ending = put_off(attempt.task, RELEASED, PUT_OFF_SECONDS)
        self._pace.ended()
        if attempt.task.lease_token not in self.attempts:
            return
        if ending is None:
            self._end_stopped(attempt)
        else:
            self._end(attempt, ending)

    def _end_stopped(self, attempt: Attempt) -> None:
        """An attempt that was stopped from outside: its lease is lost, or the worker gives it back."""
        if attempt.stop is Stop.LEASE_LOST:
            self.figures.lost += 1
            self._forget(attempt)
        elif attempt.cancel_requested:
            self._end(attempt, cancelled(attempt.task))
        else:
            self._end(attempt, given_back(attempt.task, begun=attempt.begun))

    def _abandon(self, attempt: Attempt, result: Result) -> None:
        """The handler cannot be stopped: its attempt ends without it, and the fence refuses what it writes later."""
        if attempt.task.lease_token not in self.attempts:
            return
        self._runners.leave(attempt)
        self.figures.abandoned += 1
        process_metrics().abandoned_attempts.labels("thread" if attempt.runs_in_thread else "async").inc()
        log.error(
            "A handler goes on though it was told to stop; its attempt has ended without it.",
            task_id=str(attempt.task.id),
            task_name=attempt.task.name,
            attempt=attempt.task.attempt,
        )
        if attempt.cancel_requested or attempt.stop is None:
            self._end(attempt, self._performer.abandoned(attempt, result))
        else:
            self._end_stopped(attempt)

    def _end(self, attempt: Attempt, ending: Ending) -> None:
        self._forget(attempt)
        self.unwritten[attempt.task.lease_token] = attempt
        self.finisher.put(ending)
        if ending.said is not None and ending.said.error and ending.way not in (Way.CANCEL, Way.SNOOZE):
            log.warning(
                "An attempt failed.",
                task_id=str(attempt.task.id),
                task_name=attempt.task.name,
                attempt=attempt.task.attempt,
                outcome=ending.way.value,
                reason=ending.said.reason,
                error=ending.said.error,
            )

    def _forget(self, attempt: Attempt) -> None:
        if self.attempts.pop(attempt.task.lease_token, None) is not None:
            self.places.leave(attempt.task)
        self._alone.discard(attempt.task.lease_token)
        if not self.attempts:
            self.quiet.set()
        self._turns.move()
        self.freed.set()

    def _look_again(self) -> None:
        self.freed.set()
        self._wake()

    def _settled(self, endings: list[Ending], accepted: set[int] | None) -> None:
        for ending in endings:
            self.unwritten.pop(ending.task.lease_token, None)
        self.freed.set()
        if not self.finisher.any_refused:
            self._condition.well("finish")
        if endings[0].way in (Way.RETRY, Way.SNOOZE):
            self._comes_back(min(ending.said.delay_seconds for ending in endings if ending.said is not None))
        if accepted is not None and len(accepted) < len(endings):
            for ending in endings:
                if ending.task.lease_token not in accepted:
                    self.figures.lost += 1
                    process_metrics().leases_lost.inc()
                    log.warning("An outcome came too late: its lease is lost.", task_id=str(ending.task.id))
        released = sum(ending.outcome == RELEASED for ending in endings)
        self.figures.released += released
        self.figures.finished += len(endings) - released
        now = time.time()
        process_metrics().record_finished(
            (e.task.queue, e.task.name, e.outcome, e.task.wait_seconds, max(0.0, now - e.task.claimed_epoch))
            for e in endings
            if e.way not in (Way.RELEASE, Way.DEFER)
        )
