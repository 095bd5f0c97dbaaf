"""A small job system that is right by construction, in memory, which writes histories as the real one does.

It is what the checker itself is checked with: whatever is done here, in any order and with any answer lost, must be
found clean; and a test that wants a violation takes a history from here and spoils it.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
from tests.harness.history.calls import Call, History
from tests.harness.history.case import OUTCOMES, Case
from tests.harness.history.events import Phase, Said
from tests.harness.history.rows import (
    TERMINAL,
    AuditRow,
    ExecutionRow,
    KeyRow,
    LimitRow,
    Rows,
    ScheduleRow,
    StepRow,
    TaskRow,
    WindowRow,
    WorkerRow,
)

SECOND = 1_000_000
TENANT = "default"
DAY = 86_400


@dataclass(frozen=True)
class Heard:
    """What becomes of a question: whether it is done, and what its asker is told."""

    done: bool
    phase: Phase


OK = Heard(True, Phase.OK)
REPLY_LOST = Heard(True, Phase.UNKNOWN)
REQUEST_LOST = Heard(False, Phase.UNKNOWN)
FAILED = Heard(False, Phase.FAIL)


@dataclass(frozen=True)
class Held:
    """A lease as its worker holds it."""

    worker: int
    task: str
    token: int
    attempt: int


@dataclass
class Simulator:
    """Every method is one question to the system, and takes a millisecond of the database's time."""

    now: int = 1_000 * SECOND
    calls: list[Call] = field(default_factory=list)
    tasks: dict[str, TaskRow] = field(default_factory=dict)
    visible_at: dict[str, int] = field(default_factory=dict)
    workers_of: dict[str, int] = field(default_factory=dict)
    started_at: dict[str, int] = field(default_factory=dict)
    executions: list[ExecutionRow] = field(default_factory=list)
    keys: dict[tuple[str, str], KeyRow] = field(default_factory=dict)
    requests: dict[tuple[str, str], str | None] = field(default_factory=dict)
    schedules: dict[str, ScheduleRow] = field(default_factory=dict)
    windows: list[WindowRow] = field(default_factory=list)
    caps: dict[str, int] = field(default_factory=dict)
    gone: list[WorkerRow] = field(default_factory=list)
    audit: list[AuditRow] = field(default_factory=list)
    steps: list[StepRow] = field(default_factory=list)
    epoch: int = 0
    _numbers: Any = field(default_factory=lambda: itertools.count(1))
    _tokens: Any = field(default_factory=lambda: itertools.count(1))

    def case(self, *, quiesced: bool = False, **spoilt: Any) -> Case:
        """The run as the checker sees it, with the rows that are given in place of those that are right."""
        rows = Rows(
            tasks=tuple(self.tasks.values()),
            executions=tuple(self.executions),
            keys=tuple(self.keys.values()),
            schedules=tuple(self.schedules.values()),
            windows=tuple(self.windows),
            limits=tuple(LimitRow("default", lane, most) for lane, most in self.caps.items()),
            workers=tuple(self.gone),
            audit=tuple(self.audit),
            steps=tuple(self.steps),
        )
        return Case(History(self.calls), replace(rows, **spoilt), quiesced=quiesced)

    def pass_time(self, seconds: float) -> None:
        self.now += round(seconds * SECOND)

    # -- clients

    def enqueue(
        self,
        count: int = 1,
        *,
        tenant: str = TENANT,
        flow: str | None = None,
        key: str | None = None,
        request: str | None = None,
        max_attempts: int = 3,
        waits: bool = False,
        chooses_id: bool = True,
        heard: Heard = OK,
    ) -> list[str]:
        """The ids that the caller is told, or would have been."""
        ids = [f"task-{next(self._numbers)}" for _ in range(count)]
        asked: list[Said] = [
            {"id": one if chooses_id else None, "queue": "default", "name": "work", "key": key, "key_seconds": DAY,
             "request": request, "waits": waits}
            for one in ids
        ]  # fmt: skip
        held = self.keys.get((tenant, key)) if key else None
        if held and self.requests[tenant, held.key] != request:
            error = {"error": "IdempotencyKeyReused: names another request"}
            self._note("client", "enqueue", {"tenant": tenant, "tasks": asked}, FAILED, error)
            return []
        answers: list[Said] = [{"id": held.task if held else one, "created": held is None} for one in ids]
        self._note("client", "enqueue", {"tenant": tenant, "tasks": asked}, heard, {"tasks": answers})
        if held is None and heard.done:
            for one in ids:
                self._store(one, tenant, flow=flow, key=key, max_attempts=max_attempts)
            if key:
                self.keys[tenant, key] = KeyRow(tenant, key, ids[0], self.now + DAY * SECOND)
                self.requests[tenant, key] = request
        return [answer["id"] for answer in answers]

    def read(self, task: str, tenant: str = TENANT) -> None:
        found = task in self.tasks and self.tasks[task].tenant == tenant
        self._note("client", "read", {"tenant": tenant, "task": task}, OK if found else FAILED, {"tenant": tenant})

    def cancel(self, task: str, heard: Heard = OK) -> None:
        row = self.tasks.get(task)
        if row is None or row.ended:
            self._note("client", "cancel", {"tenant": TENANT, "task": task}, FAILED)
            return
        runs = row.status == "running" and self.visible_at[task] > self.now
        asked = {"tenant": row.tenant, "task": task}
        self._note("client", "cancel", asked, heard, {"outcome": "cancel_requested" if runs else "cancelled"})
        if heard.done:
            self.audit.append(AuditRow("task.cancel", task))
            if row.status == "running" and not runs:
                self._execute(row, "lease_expired")
            if not runs:
                self._change(task, status="cancelled", finished_at=self.now)

    def redrive(self, task: str, heard: Heard = OK) -> None:
        row = self.tasks.get(task)
        if row is None or row.status not in ("dead", "cancelled"):
            self._note("client", "redrive", {"tenant": TENANT, "task": task}, FAILED)
            return
        self._note("client", "redrive", {"tenant": row.tenant, "task": task}, heard)
        if heard.done:
            self.audit.append(AuditRow("task.redrive", task))
            self._change(task, status="pending", attempt=0, token=None, finished_at=None)
            self.visible_at[task] = self.now

    def cap(self, lane: str, most: int | None, heard: Heard = OK) -> None:
        asked = {"since": self.now, "tenant": TENANT, "queue": "default", "lane": lane, "max_running": most}
        self._note("client", "cap", asked, heard, {"by": self.now + 1_000})
        if heard.done:
            self.caps.pop(lane, None)
            if most is not None:
                self.caps[lane] = most

    # -- workers

    def claim(
        self, worker: int = 1, room: int = 10, *, lease_seconds: float = 30, lane: str = TENANT, heard: Heard = OK
    ) -> list[Held]:
        """Claims from one lane; a lease that ran out is taken over."""
        self._tick()
        due = [row for row in self.tasks.values() if self._due(row, lane)]
        running = [row for row in self.tasks.values() if row.lane == lane and self._runs(row)]
        left = max(0, self.caps[lane] - len(running)) if lane in self.caps else room
        taken = due[: min(room, left)] if heard.done else []
        held = [self._lease(row, worker, lease_seconds) for row in taken]
        answer = {"by": self.now + 500, "leases": [self._granted(one) for one in held]}
        asked = {"worker": worker, "lease_seconds": lease_seconds, "capped": lane in self.caps}
        self._note(f"worker-{worker}", "claim", asked, heard, answer)
        return held if heard.phase is Phase.OK else []

    def run(self, held: Held, *, ok: bool = True, result: bool = False) -> None:
        asked = {"task": held.task, "token": held.token, "attempt": held.attempt}
        self._note(f"worker-{held.worker}", "run", asked, OK if ok else FAILED, {"result": result})

    def say(
        self, held: Held, way: str, *, outcome: str | None = None, result: str | None = None, heard: Heard = OK
    ) -> bool:
        """How the attempt ended; whether that was accepted."""
        row = self.tasks[held.task]
        accepted = row.token == held.token and not row.ended
        said = {"task": held.task, "token": held.token} | ({"result": result} if result else {})
        asked = {"way": way, "since": self.now, "attempts": [said]}
        self._note(f"worker-{held.worker}", "finish", asked, heard, {"accepted": [held.token] if accepted else []})
        if heard.done and accepted:
            self._end(row, way, outcome or min(OUTCOMES[way], key=str), result)
        return accepted

    def renew(self, held: Held, *, lease_seconds: float = 30, heard: Heard = OK) -> None:
        row = self.tasks[held.task]
        kept = row.token == held.token and not row.ended
        asked = {
            "since": self.now,
            "lease_seconds": lease_seconds,
            "attempts": [{"task": held.task, "token": held.token}],
        }
        self._tick()
        tokens = [held.token]
        answer = {"by": self.now + 1_000, "renewed": tokens if kept else [], "lost": [] if kept else tokens}
        self._note(f"worker-{held.worker}", "renew", asked, heard, answer)
        if kept and heard.done:
            self.visible_at[held.task] = self.now + round(lease_seconds * SECOND)

    def keep(self, held: Held, what: str = "progress", name: str = "charge") -> None:
        """Progress, or a step."""
        row = self.tasks[held.task]
        kept = row.token == held.token and not row.ended
        asked: Said = {"since": self.now, "task": held.task, "token": held.token}
        if what == "step":
            asked |= {"name": name, "occurrence": 1}
            known = [step.token for step in self.steps if (step.task, step.name) == (held.task, name)]
            if known and known[0] < held.token:
                return  # the attempt has read it, and does not run it again
            if kept and not known:
                step = StepRow(held.task, name, 1, held.token, held.attempt, row.tenant, self.now)
                self.steps.append(step)
        self._note(f"worker-{held.worker}", what, asked, OK if kept else FAILED)

    def vanish(self, worker: int) -> None:
        """A worker is marked as gone; what it holds is due at once, and it never comes back under that number."""
        self._tick()
        self.gone.append(WorkerRow(worker, self.now))
        for row in self.tasks.values():
            if self._runs(row) and self.workers_of[row.id] == worker:
                self.visible_at[row.id] = self.now

    def rescue(self) -> None:
        """Buries what is out of attempts and of its lease."""
        self._tick()
        for row in list(self.tasks.values()):
            if row.status == "running" and not self._runs(row) and row.attempt >= row.max_attempts:
                self._execute(row, "lease_expired")
                self._change(row.id, status="dead", finished_at=self.now)

    # -- the scheduler

    def schedule(self, name: str = "report", policy: str = "catch_up") -> None:
        self.schedules[name] = ScheduleRow(name, TENANT, name, policy, self.now, self.now, ())

    def elect(self, heard: Heard = OK) -> int:
        self.epoch += heard.done
        self._note("scheduler", "elect", {"holder": "scheduler"}, heard, {"epoch": self.epoch})
        return self.epoch

    def fire(self, epoch: int, *, fires: bool = True, heard: Heard = OK) -> None:
        """Accounts for one window of each schedule."""
        due = [(name, self.now - 1, f"task-{next(self._numbers)}") for name in self.schedules]
        asked = [{"schedule": name, "window_at": at, "task": task} for name, at, task in due if fires]
        leads = epoch == self.epoch
        self._note("scheduler", "fire", {"epoch": epoch, "windows": asked}, heard, {"windows": asked if leads else []})
        for name, at, task in due if leads and heard.done else ():
            made, reason = (task, None) if fires else (None, "overlap")
            outcome = "fired" if fires else "skipped"
            self.windows.append(WindowRow(name, at, TENANT, outcome, made, reason, None, epoch, self.now))
            rule = self.schedules[name]
            self.schedules[name] = replace(rule, cursor_at=at, windows=(*rule.windows, at))
            if fires:
                self._store(task, TENANT, schedule=name, window_at=at)

    # -- inside

    def _note(self, process: str, operation: str, asked: Said, heard: Heard, answer: Said | None = None) -> None:
        self._tick()
        told = answer or {}
        if heard.phase is not Phase.OK:
            told = {"error": told.get("error", "")}
        evidence = (f"{process}:{len(self.calls)} {operation} {asked} {heard.phase} {told}",)
        self.calls.append(Call(process, operation, asked, heard.phase, told, evidence))

    def _tick(self) -> None:
        self.now += 1_000

    def _store(self, task: str, tenant: str, *, flow: str | None = None, max_attempts: int = 3, **columns: Any) -> None:
        blank: dict[str, Any] = dict.fromkeys(
            ("token", "result", "reason", "key", "schedule", "window_at", "finished_at")
        )
        self.tasks[task] = TaskRow(
            **blank | columns | {"id": task, "tenant": tenant, "queue": "default", "name": "work"},
            lane=f"{tenant}/{flow}" if flow else tenant,
            status="pending",
            attempt=0,
            max_attempts=max_attempts,
            created_at=self.now,
        )
        self.visible_at[task] = self.now

    def _change(self, task: str, **columns: Any) -> None:
        self.tasks[task] = replace(self.tasks[task], **columns)

    def _runs(self, row: TaskRow) -> bool:
        return row.status == "running" and self.visible_at[row.id] > self.now

    def _due(self, row: TaskRow, lane: str) -> bool:
        alive = not row.ended and row.lane == lane
        return alive and self.visible_at[row.id] <= self.now and row.attempt < row.max_attempts

    def _lease(self, row: TaskRow, worker: int, lease_seconds: float) -> Held:
        if row.status == "running":
            self._execute(row, "lease_expired")
        token = next(self._tokens)
        self._change(row.id, status="running", attempt=row.attempt + 1, token=token)
        self.visible_at[row.id] = self.now + round(lease_seconds * SECOND)
        self.workers_of[row.id] = worker
        self.started_at[row.id] = self.now
        return Held(worker, row.id, token, row.attempt + 1)

    def _granted(self, held: Held) -> Said:
        row = self.tasks[held.task]
        columns = {name: getattr(row, name) for name in ("tenant", "queue", "lane", "name", "attempt", "max_attempts")}
        return {"task": row.id, "token": held.token, "started_at": self.started_at[row.id], **columns}

    def _end(self, row: TaskRow, way: str, outcome: str | None, result: str | None) -> None:
        status = {"retry": "pending", "snooze": "pending", "release": "pending", "defer": "pending", "bury": "dead",
                  "acknowledge_cancel": "cancelled"}.get(way, "succeeded")  # fmt: skip
        if outcome is not None:
            self._execute(row, outcome)
        spent = row.attempt - (way in ("snooze", "release", "defer"))
        if status in TERMINAL:
            kept = orjson.loads(result) if result else None
            self._change(row.id, status=status, finished_at=self.now, result=kept)
        else:
            self._change(row.id, status=status, attempt=spent, token=None)
            self.visible_at[row.id] = self.now

    def _execute(self, row: TaskRow, outcome: str) -> None:
        assert row.token is not None
        self.executions.append(
            ExecutionRow(row.id, row.token, row.tenant, row.attempt, self.workers_of[row.id], outcome,
                         self.started_at[row.id], self.now)
        )  # fmt: skip
