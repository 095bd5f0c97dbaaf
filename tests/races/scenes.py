"""What two operations find when they meet: two tasks of one fresh tenant in a state that the engine has brought about.

The clock stands still, so that only the order of things makes a difference. What is seen afterwards is told by *fate*:
what can only change together is one fate, and tasks that have nothing to do with each other are different ones.
"""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from tests.harness.installation import claimed
from tests.harness.virtual_clock import set_clock

from rowlock.domain.ids import new_id
from rowlock.domain.lanes import Lane, LanePlan
from rowlock.domain.requests import task_request
from rowlock.domain.schedule_requests import schedule_request
from rowlock.engine.schedules import store_new
from rowlock.store import leaders, leases, operations, schedules, tasks, windows, workers
from rowlock.store.leases import ClaimedTask, FailedAttempt
from rowlock.store.links import Link
from rowlock.store.operations import Actor
from rowlock.store.windows import DueSchedule

QUEUE = "default"
ANOTHER_WORKER = 1_000_000_000
ACTOR = Actor("test")
_numbers = itertools.count(1)


@dataclass
class Scene:
    """One tenant with its tasks, by the words that the operations use for them. `first` and `second` are ids that the
    two operations may give to what they make."""

    now: datetime
    tenant: str = field(default_factory=lambda: f"t{next(_numbers)}")
    ids: dict[str, UUID] = field(default_factory=lambda: {w: new_id() for w in ("one", "two", "first", "second")})
    held: dict[str, ClaimedTask] = field(default_factory=dict)
    worker: int = 0
    epoch: int = 0
    due: DueSchedule | None = None

    def word(self, task_id: UUID | str) -> str:
        return next(word for word, known in self.ids.items() if str(known) == str(task_id))

    def plan(self, lane: str | None = None) -> LanePlan:
        return LanePlan(Lane(QUEUE, 2, lane or self.tenant), None, 10)

    @property
    def held_ids(self) -> list[UUID]:
        return [task.id for task in self.held.values()]

    @property
    def held_tokens(self) -> list[int]:
        return [task.lease_token for task in self.held.values()]

    def said(self, outcome: str) -> list[FailedAttempt]:
        """The same of each attempt; what is put back waits for five seconds."""
        return [
            FailedAttempt(task.id, task.lease_token, outcome, "error", "no", None, 5) for task in self.held.values()
        ]


async def enqueue(link: Link, scene: Scene, *, attempts: tuple[int, int] = (20, 20), **options: Any) -> None:
    """The two tasks, due for 20 and for 10 seconds, each with a unique key."""
    requests = [
        task_request(
            "noop",
            id=scene.ids[word],
            unique_key=word,
            run_at=scene.now - timedelta(seconds=ago),
            max_attempts=most,
            **options,
        )
        for word, ago, most in zip(("one", "two"), (20, 10), attempts, strict=True)
    ]
    await tasks.insert_keyed(link, scene.tenant, requests)


async def claim(
    link: Link,
    scene: Scene,
    *,
    room: int = 2,
    lane: str | None = None,
    lease_seconds: float = 30,
    beats: bool = True,
) -> None:
    scene.worker, _ = await workers.register_worker(
        link, name="w", hostname="h", pid=1, version="1", queues=[QUEUE], concurrency=2,
        expires_seconds=60 if beats else 0,
    )  # fmt: skip
    taken = await claimed(link, scene.plan(lane), room=room, worker_id=scene.worker, lease_seconds=lease_seconds)
    assert len(taken) == room
    scene.held |= {scene.word(task.id): task for task in taken}


async def free(link: Link, scene: Scene) -> None:
    """Nobody has the unique key; one idempotency key has just run out, of which the task is still to come."""
    old = task_request(
        "noop", id=scene.ids["one"], idempotency_key="spent", idempotency_ttl=timedelta(hours=1), delay=9_999
    )
    await set_clock(link, scene.now - timedelta(hours=1))
    await tasks.insert_keyed(link, scene.tenant, [old])
    await set_clock(link, scene.now)


async def waiting(link: Link, scene: Scene) -> None:
    """Both are ready."""
    await enqueue(link, scene)


async def held(link: Link, scene: Scene) -> None:
    """Both run, and the lease lasts."""
    await enqueue(link, scene)
    await claim(link, scene)


async def silent(link: Link, scene: Scene) -> None:
    """Both run, and the lease lasts, but their worker's heartbeats have ceased."""
    await enqueue(link, scene)
    await claim(link, scene, beats=False)


async def expired(link: Link, scene: Scene) -> None:
    """Both run, the lease has run out, attempts are left."""
    await enqueue(link, scene)
    await claim(link, scene, lease_seconds=0)


async def spent(link: Link, scene: Scene) -> None:
    """Both run, the lease has run out, it was the last attempt: of one the only one, of two the second."""
    await enqueue(link, scene, attempts=(1, 2))
    await claim(link, scene, lease_seconds=0)
    await claim(link, scene, room=1, lease_seconds=0)


async def overdue(link: Link, scene: Scene) -> None:
    """One runs, and its lease has run out; two waits; both should have ended two seconds ago."""
    await set_clock(link, scene.now - timedelta(seconds=5))
    await enqueue(link, scene, expires_in=timedelta(seconds=3))
    await claim(link, scene, room=1, lease_seconds=0)
    await set_clock(link, scene.now)


async def dead(link: Link, scene: Scene) -> None:
    """Both are dead letters."""
    await held(link, scene)
    await leases.bury(link, scene.said("failed"))


async def filed_early(link: Link, scene: Scene) -> None:
    """The same, filed under today as if there had been no later day."""
    await dead(link, scene)
    await link.query(
        "UPDATE rowlock.tasks SET expires_on = rowlock.today() WHERE tenant_id = %(tenant)s", {"tenant": scene.tenant}
    )


async def capped(link: Link, scene: Scene) -> None:
    """One runs, two waits, and the lane's cap is one."""
    await enqueue(link, scene)
    await claim(link, scene, room=1)
    await operations.set_limit(link, scene.tenant, QUEUE, scene.tenant, max_running=1, actor=ACTOR)


async def lapsed(link: Link, scene: Scene) -> None:
    """One ran and has run out of its lease, two waits, and the lane's cap is one."""
    await enqueue(link, scene)
    await claim(link, scene, room=1, lease_seconds=0)
    await operations.set_limit(link, scene.tenant, QUEUE, scene.tenant, max_running=1, actor=ACTOR)


async def idle_lane(link: Link, scene: Scene) -> None:
    """Both are ready, and the lane's cap is one."""
    await enqueue(link, scene)
    await operations.set_limit(link, scene.tenant, QUEUE, scene.tenant, max_running=1, actor=ACTOR)


async def scheduled(link: Link, scene: Scene, overlap: str = "allow") -> None:
    """A schedule was made two minutes ago, and one window is due now."""
    request = schedule_request(
        "report", "noop", interval=120, overlap_policy=overlap, anchor_at=scene.now - timedelta(hours=2)
    )
    await set_clock(link, scene.now - timedelta(seconds=119))
    await store_new(link, scene.tenant, request, ACTOR)
    await set_clock(link, scene.now)
    scene.epoch = await leaders.take_leadership(link, "scheduler", "test")
    [scene.due] = await windows.due_schedules(link, limit=10)


async def busy(link: Link, scene: Scene, overlap: str) -> None:
    """The same, while an earlier task of the schedule runs."""
    await scheduled(link, scene, overlap)
    await schedules.trigger_schedule(link, scene.tenant, "report", ACTOR, task_id=scene.ids["one"])
    lane = (await tasks.get_task(link, scene.tenant, scene.ids["one"])).lane
    await claim(link, scene, room=1, lane=lane)


async def busy_and_skipping(link: Link, scene: Scene) -> None:
    await busy(link, scene, "skip")


async def busy_and_replacing(link: Link, scene: Scene) -> None:
    await busy(link, scene, "cancel_running")


@dataclass(frozen=True)
class SceneKind:
    """How a scene is set, and which of its words share a fate; the words it does not name stand alone."""

    set_up: Callable[[Link, Scene], Awaitable[None]]
    together: frozenset[str]

    def fate(self, word: str) -> str:
        return "+".join(sorted(self.together)) if word in self.together else word


KEYS = frozenset({"two", "first", "second"})  # the unique key of two is what new tasks want
ALL = frozenset({"one", "two", "first", "second", "lane", "key", "schedule", "window"})
SCENES = {
    "free": SceneKind(free, ALL),
    "waiting": SceneKind(waiting, KEYS),
    "held": SceneKind(held, KEYS),
    "silent": SceneKind(silent, KEYS),
    "expired": SceneKind(expired, KEYS),
    "spent": SceneKind(spent, KEYS),
    "overdue": SceneKind(overdue, KEYS),
    "dead": SceneKind(dead, KEYS),
    "filed early": SceneKind(filed_early, KEYS),
    "capped": SceneKind(capped, ALL),
    "lapsed": SceneKind(lapsed, ALL),
    "idle lane": SceneKind(idle_lane, ALL),
    "scheduled": SceneKind(scheduled, ALL),
    "busy and skipping": SceneKind(busy_and_skipping, ALL),
    "busy and replacing": SceneKind(busy_and_replacing, ALL),
}
