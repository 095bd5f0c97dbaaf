"""Which tasks a claim may take. Which of several it takes, the engine chooses; the reference follows.

A worker asks for at most `room` tasks. It takes from lanes of one priority at a time, the best that has anything,
oldest first in each lane, never from a paused queue, and never so many of a lane that more of them run than its cap
allows.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from uuid import UUID

from tests.model.reference import Reference
from tests.model.tasks import Task


def claimable(reference: Reference, queue: str) -> list[Task]:
    """What a claim may take now."""
    return [task for task in reference.tasks.values() if task.queue == queue and _may_be_claimed(reference, task)]


def check_claim(reference: Reference, queue: str, taken: Sequence[UUID], room: int, *, thorough: bool) -> None:
    """Fails where these may not be taken. A thorough claim has looked at everything; others begin at a worker's floors,
    and may find older tasks only with the next sweep."""
    may = {task.id: task for task in claimable(reference, queue)}
    assert set(taken) <= may.keys(), "something was taken that nobody may take"
    assert len(taken) == len(set(taken)) <= room
    mine = [may[task_id] for task_id in taken]
    assert len({task.priority for task in mine}) <= 1
    if thorough:
        assert bool(mine) == bool(may), f"{len(may)} tasks may be taken, and {len(mine)} were"
        assert all(task.priority == min(other.priority for other in may.values()) for task in mine)
    for lane, tasks in _by_lane(mine).items():
        left = [t for t in may.values() if t.lane == lane and t not in mine and t.priority == tasks[0].priority]
        oldest, newest = min(task.place for task in tasks), max(task.place for task in tasks)
        assert not [task for task in left if oldest <= task.place < newest], "an older task was passed over"
        cap = reference.caps.get((queue, lane))
        assert cap is None or running(reference, queue)[lane] + len(tasks) <= cap, "more run than the cap allows"


def running(reference: Reference, queue: str) -> Counter[str]:
    """How many tasks of each lane run under a lease that lasts."""
    return Counter(t.lane for t in reference.tasks.values() if t.queue == queue and t.runs(reference.now))


def is_paused(reference: Reference, task: Task) -> bool:
    return not reference.paused.isdisjoint({(task.tenant, task.queue), ("*", task.queue)})


def _may_be_claimed(reference: Reference, task: Task) -> bool:
    cap = reference.caps.get((task.queue, task.lane))
    return (
        task.state(reference.now) in ("ready", "orphaned")
        and task.attempt < task.max_attempts
        and not task.overdue(reference.now)
        and not is_paused(reference, task)
        and (cap is None or running(reference, task.queue)[task.lane] < cap)
    )


def _by_lane(tasks: Sequence[Task]) -> dict[str, list[Task]]:
    lanes: dict[str, list[Task]] = defaultdict(list)
    for task in tasks:
        lanes[task.lane].append(task)
    return lanes
