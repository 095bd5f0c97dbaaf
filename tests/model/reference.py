"""What rowlock promises of the life of tasks, and nothing of how: no SQL, no locks, one thing at a time.

Read this first. The model test does the same to this and to the real engine, in any order that chance makes up, and
holds the one to the other after every step. Each method answers what the engine must answer; a refusal is the name of
the error's class.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

from tests.model.schedule import FIRED, Schedule
from tests.model.tasks import ATTEMPTS_KEPT_DAYS, STEPS_KEPT_DAYS, WORKERS_KEPT_DAYS, Step, Task

LOST, ACCEPTED = "lost", "accepted"


@dataclass
class Request:
    """What somebody asks for when enqueueing."""

    id: UUID
    tenant: str
    queue: str
    priority: int = 2
    flow_key: str | None = None
    delay: int = 0
    expires_in: int | None = None
    max_attempts: int = 4
    payload: int = 0
    unique_key: str | None = None
    on_duplicate: str = "skip"
    idempotency_key: str | None = None

    def same_as(self, other: Request) -> bool:
        return {**vars(self), "id": None} == {**vars(other), "id": None}


@dataclass
class Worker:
    expires_at: datetime
    gone_at: datetime | None = None


@dataclass
class Reference:
    """One installation at one instant, `now`, which is the database's."""

    now: datetime
    tasks: dict[UUID, Task] = field(default_factory=dict)
    keys: dict[tuple[str, str], tuple[Request, UUID, datetime]] = field(default_factory=dict)
    paused: set[tuple[str, str]] = field(default_factory=set)  # tenant (* for all) and queue
    caps: dict[tuple[str, str], int] = field(default_factory=dict)  # queue and lane
    workers: dict[int, Worker] = field(default_factory=dict)
    epoch: int = 0  # of the scheduler that leads

    @property
    def today(self) -> date:
        return self.now.date()

    # Enqueueing. A key names one task.

    def enqueue(self, request: Request) -> tuple[UUID, bool] | str:
        """The id of the task that answers the request, and whether the request made it."""
        key = (request.tenant, request.idempotency_key or "")
        known = self.keys.get(key) if request.idempotency_key else None
        if known and known[2] > self.now:
            return (known[1], False) if known[0].same_as(request) else "IdempotencyKeyReused"
        holder = self._holder(request.tenant, request.unique_key)
        if holder and request.on_duplicate == "refuse":
            return "DuplicateTask"
        deadline = None if request.expires_in is None else self.now + timedelta(seconds=request.expires_in)
        if holder and request.on_duplicate == "replace" and holder.status == "pending":
            if holder.payload != {"n": request.payload}:
                holder.steps.clear()  # what was done for another payload
            holder.payload, holder.deadline = {"n": request.payload}, deadline
        if request.idempotency_key:
            self.keys[key] = (request, holder.id if holder else request.id, self.now + timedelta(hours=24))
        if holder:
            return holder.id, False
        self.tasks[request.id] = Task(
            request.id, request.tenant, request.queue, request.priority,
            request.tenant + (f"/{request.flow_key}" if request.flow_key else ""), request.max_attempts,
            self.now + timedelta(seconds=request.delay), {"n": request.payload}, request.unique_key, deadline,
        )  # fmt: skip
        return request.id, True

    def _holder(self, tenant: str, unique_key: str | None) -> Task | None:
        """The live task that holds a unique key. One that is overdue holds none: it ends here."""
        held = (task for task in self.tasks.values() if task.live and task.tenant == tenant)
        holder = next((task for task in held if unique_key and task.unique_key == unique_key), None)
        if holder is None or not holder.overdue(self.now):
            return holder
        self._expire(holder)
        return None

    # Leases. Which tasks a claim may take is said in claims.py.

    def claimed(self, task_id: UUID, token: int, worker: int, lease_seconds: int) -> None:
        """A claim took the task. If it was running, its lease had run out, and that attempt ends here. It keeps its
        place in the lane, unless that has a cap or the attempt is its last."""
        task = self.tasks[task_id]
        if task.status == "running":
            task.attempts.append((self.today, "lease_expired"))
        task.status, task.token, task.worker, task.attempt = "running", token, worker, task.attempt + 1
        capped = (task.queue, task.lane) in self.caps or "/schedule:" in task.lane
        moves = capped or task.attempt >= task.max_attempts
        task.kept_place = None if moves else task.place
        task.visible_at = self.now + timedelta(seconds=lease_seconds)

    def _held_by(self, token: int) -> Task | None:
        """The task whose current lease this is. A lease that ran out is still current until a claim takes over."""
        return next((task for task in self.tasks.values() if task.token == token), None)

    def complete(self, token: int, result: int | None = None) -> str:
        return self._end(token, "succeeded", "succeeded", None, result)

    def bury(self, token: int) -> str:
        return self._end(token, "dead", "failed", "error")

    def acknowledge_cancel(self, token: int) -> str:
        return self._end(token, "cancelled", "cancelled", "error")

    def _end(self, token: int, status: str, outcome: str, reason: str | None, result: int | None = None) -> str:
        task = self._held_by(token)
        if task is None:
            return LOST
        task.attempts.append((self.today, outcome))
        task.result = result
        if status == "succeeded":
            task.asked_to_stop = False
        task.end(status, self.today, reason)
        return ACCEPTED

    def retry(self, token: int, delay: int) -> str:
        return self._put_back(token, delay, "failed", spent=True)

    def snooze(self, token: int, delay: int) -> str:
        return self._put_back(token, delay, "snoozed", spent=False)

    def release(self, token: int) -> str:
        """Given back before it was begun: no attempt, so no outcome."""
        return self._put_back(token, 0, None, spent=False)

    def defer(self, token: int, delay: int) -> str:
        """Left to a worker that has the handler: no attempt either. Again and again, it waits four times as long."""
        task = self._held_by(token)
        if task is None:
            return LOST
        wait = timedelta(seconds=delay * (4 if task.reason == "no_handler" else 1))
        task.put_back(self._due_in(task, wait), "no_handler", spent=False)
        return ACCEPTED

    def _put_back(self, token: int, delay: int, outcome: str | None, *, spent: bool) -> str:
        task = self._held_by(token)
        if task is None:
            return LOST
        if outcome is not None:
            task.attempts.append((self.today, outcome))
        reason = "error" if outcome else "released"
        task.put_back(self._due_in(task, timedelta(seconds=delay)), reason, spent=spent)
        return ACCEPTED

    def _due_in(self, task: Task, wait: timedelta) -> datetime:
        """What was asked to stop waits for nothing: the next claim ends it."""
        return self.now + (timedelta(0) if task.asked_to_stop else wait)

    def renew(self, token: int, lease_seconds: int) -> str:
        task = self._held_by(token)
        if task is None or (not task.runs(self.now) and not self._has_room(task)):
            return LOST
        task.visible_at, task.kept_place = self.now + timedelta(seconds=lease_seconds), None
        return "asked to stop" if task.asked_to_stop else ACCEPTED

    def _has_room(self, task: Task) -> bool:
        """Whether the cap of its lane lets one more run. A lease that ran out has lost its place to whoever came."""
        cap = self.caps.get((task.queue, task.lane))
        beside = [each for each in self.tasks.values() if (each.queue, each.lane) == (task.queue, task.lane)]
        return cap is None or sum(each.runs(self.now) for each in beside) < cap

    def report_progress(self, token: int, progress: int) -> str:
        task = self._held_by(token)
        if task is None:
            return "LeaseLost"
        task.progress = progress
        return "asked to stop" if task.asked_to_stop else ACCEPTED

    # Durable steps. What was kept once stays so, whoever asks again, for as long as the task may run.

    def record_step(self, token: int, name: str, result: int) -> int | str:
        task = self._held_by(token)
        if task is None:
            return "LeaseLost"
        return task.steps.setdefault(name, Step(task.attempt, result, self.today)).result

    def load_steps(self, token: int) -> dict[str, int] | str:
        task = self._held_by(token)
        return "LeaseLost" if task is None else {name: step.result for name, step in task.steps.items()}

    # Workers that vanish, and what is overdue.

    def register(self, worker: int, expires_seconds: int) -> None:
        self.workers[worker] = Worker(self.now + timedelta(seconds=expires_seconds))

    def beat(self, worker: int, expires_seconds: int) -> bool:
        """One that was thought gone lives, unless it is forgotten: then it has to register anew."""
        if worker in self.workers:
            self.register(worker, expires_seconds)
        return worker in self.workers

    def rescue(self) -> tuple[int, int, int, int, int]:
        """Workers that went, tasks they gave back at once (those claimed in their places are left to their leases),
        those that end as overdue, and of the tasks whose last lease ran out, those buried, as it was to be their only
        one, and those given the attempt back, as a neighbour may have caused the crash."""
        gone = [n for n, worker in self.workers.items() if worker.gone_at is None and worker.expires_at <= self.now]
        held = (task for task in self.tasks.values() if task.worker in gone and task.runs(self.now))
        given_back = [task for task in held if task.kept_place is None]
        for number in gone:
            self.workers[number].gone_at = self.now
        for task in given_back:
            task.visible_at = self.now
        overdue = [task for task in self.tasks.values() if task.overdue(self.now)]
        for task in overdue:
            self._expire(task)
        spent = [t for t in self.tasks.values() if t.state(self.now) == "orphaned" and t.attempt >= t.max_attempts]
        for task in spent:
            task.attempts.append((self.today, "lease_expired"))
            if task.max_attempts == 1:
                task.end("dead", self.today, "lease_expired")
            else:
                task.put_back(self.now, "lease_expired", spent=False)
        buried = sum(not task.live for task in spent)
        return len(gone), len(given_back), len(overdue), buried, len(spent) - buried

    def _expire(self, task: Task) -> None:
        if task.status == "running":
            task.attempts.append((self.today, "lease_expired"))
        task.end("dead", self.today, "expired")

    # Schedules. The engine chooses the ids of the tasks.

    def fates(self, schedule: Schedule, epoch: int) -> dict[datetime, str]:
        """What a tick of that epoch has to do with the windows that are due."""
        busy = any(task.live and task.schedule == schedule.id for task in self.tasks.values())
        return schedule.fates(self.now, busy=busy) if epoch == self.epoch else {}

    def fired(self, schedule: Schedule, fates: dict[datetime, str], made: dict[datetime, UUID]) -> None:
        for window in (window for window, fate in fates.items() if fate == FIRED):
            self.tasks[made[window]] = Task(
                made[window], schedule.tenant, schedule.queue, 2, schedule.lane, 4, self.now, {"n": 0},
                schedule=schedule.id, window=window,
            )  # fmt: skip
        schedule.cursor = max(fates, default=schedule.cursor)

    # People.

    def cancel(self, task_id: UUID) -> str:
        """At once when nobody is at work on it; else its worker is asked."""
        task = self.tasks.get(task_id)
        if task is None:
            return "NotFound"
        if not task.live:
            return "TaskNotCancellable"
        if task.runs(self.now):
            task.asked_to_stop = True
            return "cancel_requested"
        if task.status == "running":
            task.attempts.append((self.today, "lease_expired"))
        task.asked_to_stop = False
        task.end("cancelled", self.today, "cancelled")
        return "cancelled"

    def redrive(self, task_id: UUID) -> str:
        """Back to work under its own id, with all attempts ahead of it and no deadline; the unique key may be another's
        by now. Its steps are kept."""
        task = self.tasks.get(task_id)
        if task is None:
            return "NotFound"
        if task.status not in ("dead", "cancelled"):
            return "TaskNotRedrivable"
        self.tasks[task_id] = Task(
            task.id, task.tenant, task.queue, task.priority, task.lane, task.max_attempts, self.now, task.payload,
            reason="redriven", attempts=task.attempts, steps=task.steps, schedule=task.schedule, window=task.window,
        )  # fmt: skip
        return "redriven"

    def change(self, task_id: UUID, priority: int | None, delay: int | None) -> str:
        """Only while it waits for a worker."""
        task = self.tasks.get(task_id)
        if task is None:
            return "NotFound"
        if task.status != "pending":
            return "TaskNotChangeable"
        task.priority = task.priority if priority is None else priority
        task.visible_at = task.visible_at if delay is None else self.now + timedelta(seconds=delay)
        return "changed"

    def pause(self, tenant: str, queue: str) -> bool:
        known = (tenant, queue) in self.paused
        self.paused.add((tenant, queue))
        return not known

    def resume(self, tenant: str, queue: str) -> bool:
        known = (tenant, queue) in self.paused
        self.paused.discard((tenant, queue))
        return known

    # Retention.

    def maintain(self) -> None:
        """What ended long enough ago is gone, whole days of it at once; and so are workers that went long ago."""
        went = self.now - timedelta(days=WORKERS_KEPT_DAYS)
        self.workers = {n: worker for n, worker in self.workers.items() if (worker.gone_at or self.now) >= went}
        kept = self.tasks.items()
        self.tasks = {n: task for n, task in kept if task.expires_on is None or task.expires_on >= self.today}
        oldest = self.today - timedelta(days=ATTEMPTS_KEPT_DAYS)
        for task in self.tasks.values():
            task.attempts = [(day, outcome) for day, outcome in task.attempts if day >= oldest]
            if task.status == "succeeded":
                last = self.today - timedelta(days=STEPS_KEPT_DAYS)
                task.steps = {name: step for name, step in task.steps.items() if step.day >= last}
