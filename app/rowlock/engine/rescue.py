"""Rescuing what vanished workers held, so that nothing waits for somebody who never comes back.

A lease that ran out needs no rescue: its task is visible again and the next claim takes it. Two things do: a worker
whose heartbeats ceased is marked as gone, which gives back at once what it held; and a task whose last attempt ran out
goes to the dead letters. Both are fenced by the database's clock alone, so any process may do it, at any time.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from rowlock.store import rescue
from rowlock.store.links import Runner
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


async def rescue_abandoned(runner: Runner) -> RescueReport:
    """Marks silent workers as gone, then buries what is out of attempts; bounded work."""
    workers_gone, given_back = await _expire_workers(runner)
    return RescueReport(await _bury_exhausted(runner), workers_gone, given_back)


async def _expire_workers(runner: Runner) -> tuple[int, int]:
    workers = tasks = 0
    for _ in range(ROUNDS):
        gone = await rescue.expire_workers(runner, limit=WORKERS_PER_ROUND)
        for worker in gone:
            _log.warning(
                "A worker's heartbeats ceased; its tasks can be claimed again.",
                worker=worker.worker_id,
                tasks=worker.tasks,
            )
        workers += len(gone)
        tasks += sum(worker.tasks for worker in gone)
        if len(gone) < WORKERS_PER_ROUND:
            break
    return workers, tasks


async def _bury_exhausted(runner: Runner) -> int:
    buried = 0
    for _ in range(ROUNDS):
        ended = await rescue.rescue_exhausted(runner, limit=TASKS_PER_ROUND)
        for (queue, name), count in Counter((task.queue, task.name) for task in ended).items():
            _log.warning(
                "Tasks went to the dead letters: the worker of their last attempt vanished.",
                queue=queue,
                task_name=name,
                tasks=count,
            )
        buried += len(ended)
        if len(ended) < TASKS_PER_ROUND:
            break
    return buried
