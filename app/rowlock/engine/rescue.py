"""Rescuing what vanished workers held and ending what is overdue, so that nothing waits for what never comes.

A lease that ran out needs no rescue: claims and their sweeps come by its task. Three things do. A worker whose
heartbeats ceased is marked as gone, which gives back at once those of its leases that were renewed. A task whose last
attempt ran out goes to the dead letters, if it ran alone; if others ran beside it, nobody knows who took the worker
down, so it gets the attempt back, to run alone. And a task whose deadline passed ends. All are fenced by the database's
clock alone, so any process may do it, at any time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from rowlock.store import rescue
from rowlock.store.links import Runner
from rowlock.store.rescue import EndedTask
from rowlock.telemetry.logs import get_logger

TASKS_PER_ROUND = 500
WORKERS_PER_ROUND = 50
ROUNDS = 20

_log = get_logger("rowlock.rescue")


@dataclass(frozen=True, slots=True)
class RescueReport:
    """What one round took back."""

    buried: int = 0
    workers_gone: int = 0
    given_back: int = 0
    spared: int = 0
    expired: int = 0
    older_workers_gone: bool = False  # and there may be leases to be adopted


async def rescue_abandoned(runner: Runner) -> RescueReport:
    """Marks silent workers as gone, ends what is overdue, takes back what is out of attempts; bounded work."""
    workers_gone, given_back, older_gone = await _expire_workers(runner)
    expired = await expire_overdue(runner)
    buried, spared = await _take_back_exhausted(runner)
    return RescueReport(buried, workers_gone, given_back, spared, expired, older_gone)


async def adopt_leases(runner: Runner) -> int:
    """Marks last attempts that workers of older versions left, so that the next round finds them; how many. To be done
    once after such a worker is gone, and by each new leader, for the one before may not have come to it."""
    return await rescue.adopt_leases(runner)


async def expire_overdue(runner: Runner) -> int:
    """Ends tasks whose deadline has passed and which no worker runs; how many. Bounded work."""
    expired = 0
    for _ in range(ROUNDS):
        ended = await rescue.expire_tasks(runner, limit=TASKS_PER_ROUND)
        _log_dead("Tasks went to the dead letters: their deadline passed before they had finished.", ended)
        expired += len(ended)
        if len(ended) < TASKS_PER_ROUND:
            break
    return expired


async def _expire_workers(runner: Runner) -> tuple[int, int, bool]:
    workers, tasks, older = 0, 0, False
    for _ in range(ROUNDS):
        gone = await rescue.expire_workers(runner, limit=WORKERS_PER_ROUND)
        for worker in gone:
            _log.warning(
                "A worker's heartbeats ceased; its renewed leases were ended, and the others end by themselves.",
                worker=worker.worker_id,
                tasks=worker.tasks,
            )
        older = older or not all(worker.in_place for worker in gone)
        workers += len(gone)
        tasks += sum(worker.tasks for worker in gone)
        if len(gone) < WORKERS_PER_ROUND:
            break
    return workers, tasks, older


async def _take_back_exhausted(runner: Runner) -> tuple[int, int]:
    buried = spared = 0
    for _ in range(ROUNDS):
        taken = await rescue.rescue_exhausted(runner, limit=TASKS_PER_ROUND)
        dead = [task for task in taken if task.dead]
        _log_dead("Tasks went to the dead letters: the worker of their last attempt vanished.", dead)
        buried += len(dead)
        spared += len(taken) - len(dead)
        if len(taken) < TASKS_PER_ROUND:
            break
    return buried, spared


def _log_dead(sentence: str, tasks: Iterable[EndedTask]) -> None:
    for (queue, name), count in Counter((task.queue, task.name) for task in tasks).items():
        _log.warning(sentence, queue=queue, task_name=name, tasks=count)
