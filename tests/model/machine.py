"""Does the same to the reference and to the engine, in an order that chance makes up, and compares after each step."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.model.claims import check_claim
from tests.model.comparison import check_as_people_see_it, check_everything
from tests.model.reference import ACCEPTED, Reference, Request
from tests.model.schedule import Schedule
from tests.model.tasks import Task
from tests.model.world import World

from rowlock.domain.ids import new_id
from rowlock.store.leases import ClaimedTask

QUEUE = "default"
TENANTS = ("acme", "umbrella")
LEASE_SECONDS = 30
EXPIRES_SECONDS = 45
EVERY = timedelta(minutes=30)

nths = st.integers(0, 9)  # the n-th of those there are, from the latest
tenants = st.sampled_from(TENANTS)
delays = st.sampled_from([0, 1, 60])
priorities = st.sampled_from([2, 2, 1, 3, 0])
keys = st.none() | st.sampled_from(["a", "b"])
silences = st.sampled_from([0, 1_800, 1_861, 9_000])
names = st.sampled_from(["charge", "ship"])  # of steps
lifetimes = st.none() | st.sampled_from([61, 90])  # longer than any delay


class Installation(RuleBasedStateMachine):
    """The rules: what callers, workers, the leader, people and time may do next."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        world.sweep()
        self.reference = Reference(world.now)
        self.keeps_house = False
        self.claims: list[ClaimedTask] = []  # every lease ever given, the latest first; most are stale

    @initialize(
        policy=st.sampled_from(["catch_up", "latest_only", "skip"]),
        overlap=st.sampled_from(["allow", "skip"]),
        max_catch_up=st.integers(1, 3),
        silence=silences,
        keeps_house=st.sampled_from([False, False, False, True]),
        max_attempts=st.sampled_from([4, 1, 2]),
        waiting=st.integers(1, 4),
        room=st.integers(1, 4),
    )
    def some_work_and_workers(
        self, silence: int, keeps_house: bool, max_attempts: int, waiting: int, room: int, **policies: Any
    ) -> None:
        self.keeps_house = keeps_house
        self.schedule = Schedule(new_id(), TENANTS[0], QUEUE, EVERY, self.world.now, **policies)
        self.schedule.id = self.world.create_schedule(self.schedule)
        self.epochs = [self.world.elect()]
        self.another_leads()
        self.fire(False, silence)
        self.workers = [self.world.register(QUEUE, EXPIRES_SECONDS) for _ in range(2)]
        for worker in self.workers:
            self.reference.register(worker, EXPIRES_SECONDS)
        for n in range(waiting):
            self._enqueue(Request(new_id(), TENANTS[n % 2], QUEUE, max_attempts=max_attempts))
        self._take(self.workers[0], room, thorough=True)

    # -- callers

    @rule(
        tenant=tenants,
        priority=priorities,
        flow_key=st.none() | st.just("f"),
        delay=delays,
        expires_in=lifetimes,
        max_attempts=st.sampled_from([4, 1, 2]),
        payload=st.integers(1, 2),
    )
    def enqueue(self, **options: Any) -> None:
        self._enqueue(Request(new_id(), queue=QUEUE, **options))

    @rule(
        tenant=tenants,
        payload=st.integers(1, 2),
        expires_in=lifetimes,
        unique_key=keys,
        on_duplicate=st.sampled_from(["skip", "replace", "refuse"]),
        idempotency_key=keys,
    )
    def enqueue_under_a_key(self, on_duplicate: str, unique_key: str | None, **options: Any) -> None:
        how = on_duplicate if unique_key else "skip"
        self._enqueue(Request(new_id(), queue=QUEUE, unique_key=unique_key, on_duplicate=how, **options))

    def _enqueue(self, request: Request) -> None:
        assert self.world.enqueue(request) == self.reference.enqueue(request)

    # -- workers

    @rule(nth=st.integers(0, 1), room=st.integers(1, 4))
    def claim(self, nth: int, room: int) -> None:
        self._take(self.workers[nth], room, thorough=True)

    @rule(nth=st.integers(0, 1), room=st.integers(1, 4))
    def claim_from_the_floor_on(self, nth: int, room: int) -> None:
        self._take(self.workers[nth], room, thorough=False)

    @rule(nth=st.integers(0, 1), room=st.integers(1, 4), seconds=st.sampled_from([1, LEASE_SECONDS, 31]))
    def claim_and_be_slow(self, nth: int, room: int, seconds: int) -> None:
        self._take(self.workers[nth], room, thorough=True)
        self._move_to(self.reference.now + timedelta(seconds=seconds))

    @rule(room=st.integers(1, 4), step=names, how=st.sampled_from(["complete", "retry", "bury"]))
    def work(self, room: int, step: str, how: str) -> None:
        """The usual life of a task."""
        for task in self._take(self.workers[0], room, thorough=True):
            self._record_step(task, step, 0)
            delay = [60] if how == "retry" else []
            said = getattr(self.world, how)(task, *delay)
            assert said == getattr(self.reference, how)(task.lease_token, *delay) == ACCEPTED

    def _take(self, worker: int, room: int, *, thorough: bool) -> list[ClaimedTask]:
        taken = self.world.claim(worker, room, thorough=thorough)
        check_claim(self.reference, QUEUE, [task.id for task in taken], room, thorough=thorough)
        for task in taken:
            assert task.lease_token > max((earlier.lease_token for earlier in self.claims), default=0)
            known = self.reference.tasks[task.id]
            assert (task.attempt, task.cancel_requested) == (known.attempt + 1, known.asked_to_stop)
            assert task.deadline_seconds == (
                None if known.deadline is None else (known.deadline - self.reference.now).total_seconds()
            )
        for task in taken:
            self.reference.claimed(task.id, task.lease_token, worker, LEASE_SECONDS)
        self.claims = [*taken, *self.claims]
        return taken

    some_claim = precondition(lambda self: bool(self.claims))
    some_task = precondition(lambda self: bool(self.reference.tasks))

    def _claim(self, nth: int) -> ClaimedTask:
        return self.claims[nth % len(self.claims)]

    def _task(self, nth: int) -> Task:
        return [*reversed(self.reference.tasks.values())][nth % len(self.reference.tasks)]

    @some_claim
    @rule(nth=nths, result=st.none() | st.integers(1, 2))
    def complete(self, nth: int, result: int | None) -> None:
        task = self._claim(nth)
        said = self.world.complete(task) if result is None else self.world.complete_with(task, result)
        assert said == self.reference.complete(task.lease_token, result)

    @some_claim
    @rule(nth=nths)
    def bury(self, nth: int) -> None:
        assert self.world.bury(self._claim(nth)) == self.reference.bury(self._claim(nth).lease_token)

    @some_claim
    @rule(nth=nths)
    def acknowledge_cancel(self, nth: int) -> None:
        task = self._claim(nth)
        assert self.world.acknowledge_cancel(task) == self.reference.acknowledge_cancel(task.lease_token)

    @some_claim
    @rule(nth=nths, delay=delays)
    def retry(self, nth: int, delay: int) -> None:
        assert self.world.retry(self._claim(nth), delay) == self.reference.retry(self._claim(nth).lease_token, delay)

    @some_claim
    @rule(nth=nths, delay=delays)
    def snooze(self, nth: int, delay: int) -> None:
        assert self.world.snooze(self._claim(nth), delay) == self.reference.snooze(self._claim(nth).lease_token, delay)

    @some_claim
    @rule(nth=nths, delay=delays)
    def defer(self, nth: int, delay: int) -> None:
        assert self.world.defer(self._claim(nth), delay) == self.reference.defer(self._claim(nth).lease_token, delay)

    @some_claim
    @rule(nth=nths)
    def release(self, nth: int) -> None:
        assert self.world.release(self._claim(nth)) == self.reference.release(self._claim(nth).lease_token)

    @some_claim
    @rule(nth=nths)
    def renew(self, nth: int) -> None:
        assert self.world.renew(self._claim(nth)) == self.reference.renew(self._claim(nth).lease_token, LEASE_SECONDS)

    @some_claim
    @rule(nth=nths, progress=st.integers(1, 9))
    def report_progress(self, nth: int, progress: int) -> None:
        task = self._claim(nth)
        assert self.world.report_progress(task, progress) == self.reference.report_progress(task.lease_token, progress)

    @some_claim
    @rule(nth=nths, name=names, result=st.integers(1, 9))
    def record_step(self, nth: int, name: str, result: int) -> None:
        self._record_step(self._claim(nth), name, result)

    def _record_step(self, task: ClaimedTask, name: str, result: int) -> None:
        assert self.world.record_step(task, name, result) == self.reference.record_step(task.lease_token, name, result)
        assert self.world.load_steps(task) == self.reference.load_steps(task.lease_token)

    @rule(nth=st.integers(0, 1))
    def beat(self, nth: int) -> None:
        worker = self.workers[nth]
        assert self.world.beat(worker, EXPIRES_SECONDS) == self.reference.beat(worker, EXPIRES_SECONDS)

    # -- the leader

    @rule()
    def rescue(self) -> None:
        assert self.world.rescue() == self.reference.rescue()

    @rule(former=st.sampled_from([False, False, True]), silence=silences)
    def fire(self, former: bool, silence: int) -> None:
        """A tick after a silence: of the leader, or of the one before it, which does not know that it leads no more."""
        self._move_to(self.reference.now + timedelta(seconds=silence))
        epoch, due = self.epochs[-1 - former], self.schedule.due(self.reference.now)
        assert self.world.tick(epoch) == ("NotLeader" if former and due else ACCEPTED)
        wanted = self.reference.fates(self.schedule, epoch)
        fates, made = self.world.fates(self.schedule, due)
        assert fates == wanted
        self.reference.fired(self.schedule, fates, made)

    @rule()
    def another_leads(self) -> None:
        self.epochs.append(self.world.elect())
        self.reference.epoch = self.epochs[-1]

    # -- people

    @some_task
    @rule(nth=nths)
    def cancel(self, nth: int) -> None:
        task = self._task(nth)
        assert self.world.cancel(task.tenant, task.id) == self.reference.cancel(task.id)

    @some_task
    @rule(nth=nths)
    def redrive(self, nth: int) -> None:
        task = self._task(nth)
        assert self.world.redrive(task.tenant, task.id) == self.reference.redrive(task.id)

    @some_task
    @rule(nth=nths, priority=st.none() | priorities, delay=st.none() | delays)
    def change(self, nth: int, priority: int | None, delay: int | None) -> None:
        task = self._task(nth)
        said = self.world.change(task.tenant, task.id, priority, delay)
        assert said == self.reference.change(task.id, priority, delay)

    @some_task
    @rule(nth=nths)
    def act_on_anothers(self, nth: int) -> None:
        """Another tenant's task does not exist."""
        task = self._task(nth)
        other = TENANTS[task.tenant == TENANTS[0]]
        assert self.world.cancel(other, task.id) == "NotFound"
        assert self.world.redrive(other, task.id) == "NotFound"
        assert self.world.change(other, task.id, 0, None) == "NotFound"

    @some_task
    @rule(nth=nths)
    def look(self, nth: int) -> None:
        check_as_people_see_it(self.reference, self.world, self._task(nth))

    @rule(tenant=st.sampled_from([*TENANTS, "*"]))
    def pause(self, tenant: str) -> None:
        assert self.world.pause(tenant, QUEUE) == self.reference.pause(tenant, QUEUE)

    @precondition(lambda self: bool(self.reference.paused))
    @rule(nth=nths)
    def resume(self, nth: int) -> None:
        tenant, queue = sorted(self.reference.paused)[nth % len(self.reference.paused)]
        assert self.world.resume(tenant, queue) == self.reference.resume(tenant, queue)

    @rule(tenant=tenants, most=st.integers(0, 2))
    def cap(self, tenant: str, most: int) -> None:
        self.world.cap(tenant, QUEUE, most)
        self.reference.caps[QUEUE, tenant] = most

    @precondition(lambda self: bool(self.reference.caps))
    @rule(tenant=tenants)
    def lift_cap(self, tenant: str) -> None:
        lifted = self.reference.caps.pop((QUEUE, tenant), None)
        assert self.world.lift_cap(tenant, QUEUE) == ("NotFound" if lifted is None else "lifted")

    # -- time

    @rule(seconds=st.sampled_from([1, 5, 31, 3_600]))
    def time_goes_by(self, seconds: int) -> None:
        self._move_to(self.reference.now + timedelta(seconds=seconds))

    @rule(nth=nths, off=st.sampled_from([-1, 0, 1]))
    def time_comes(self, nth: int, off: int) -> None:
        """The next instants at which something ends or begins, and a moment before and after."""
        now = self.reference.now
        ahead = {task.visible_at for task in self.reference.tasks.values() if task.live}
        ahead |= {task.deadline for task in self.reference.tasks.values() if task.live and task.deadline}
        ahead.add(self.schedule.due(now + EVERY)[-1])
        ahead |= {worker.expires_at for worker in self.reference.workers.values()}
        ahead |= {expires_at for _, _, expires_at in self.reference.keys.values()}
        moments = sorted(instant for instant in ahead if instant + off * timedelta(milliseconds=1) > now)
        if moments:
            self._move_to(moments[nth % min(3, len(moments))] + off * timedelta(milliseconds=1))

    @precondition(lambda self: self.keeps_house and any(not task.live for task in self.reference.tasks.values()))
    @rule(days=st.sampled_from([7, 8, 31]))
    def days_go_by_and_the_house_is_kept(self, days: int) -> None:
        """In some examples, and once at most, for it makes and drops many partitions."""
        self.keeps_house = False
        self._move_to(self.reference.now + timedelta(days=days))
        self.world.maintain()
        self.reference.maintain()
        self.claims = [claim for claim in self.claims if claim.id in self.reference.tasks]

    def _move_to(self, now: Any) -> None:
        self.world.move_to(now)
        self.reference.now = now

    @invariant()
    def they_agree(self) -> None:
        check_everything(self.reference, self.world)
