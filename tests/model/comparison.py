"""Holds the engine's rows to the reference, all of them, as every entrance shows them."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.model.claims import is_paused, running
from tests.model.reference import Reference
from tests.model.tasks import Task
from tests.model.world import World

from rowlock.store.tasks import get_task

TASKS = """
SELECT task.id, task.tenant_id, state.state, task.attempt, task.priority, task.reason, state.visible_at, task.payload,
       task.result, task.progress, task.unique_key, task.cancel_requested_at IS NOT NULL, task.lease_token IS NOT NULL,
       task.deadline_at, task.schedule_id, task.window_at,
       ARRAY(SELECT ended.outcome::text FROM rowlock.executions AS ended WHERE ended.task_id = task.id
              ORDER BY ended.lease_token),
       ARRAY(SELECT why.code FROM rowlock.explain_task(task.id, task.tenant_id) AS why)
  FROM rowlock.tasks AS task JOIN rowlock.task_state AS state ON state.id = task.id
"""
STEPS = "SELECT task_id, name, attempt, result FROM rowlock.steps"
DEPTH = "SELECT tenant_id, queue, ready, scheduled, retrying, running, orphaned FROM rowlock.queue_depth"
STATES = ("ready", "scheduled", "retrying", "running", "orphaned")


def check_everything(reference: Reference, world: World) -> None:
    rows = world.do(world.link.query(TASKS))
    assert {row[0] for row in rows} == reference.tasks.keys()
    assert len(rows) == len(reference.tasks)
    for row in rows:
        task = reference.tasks[row[0]]
        *facts, codes = row
        _check_task(reference, task, facts)
        _check_explanation(reference, task, codes)
    _check_steps(reference, world.do(world.link.query(STEPS)))
    _check_depth(reference, world.do(world.link.query(DEPTH)))
    _check_outcomes(reference)


def check_as_people_see_it(reference: Reference, world: World, task: Task) -> None:
    """The public status calls an orphaned task running."""
    shown = world.do(get_task(world.database, task.tenant, task.id))
    state = task.state(reference.now)
    assert shown.status == ("running" if state == "orphaned" else state)
    assert (shown.finished, shown.expires_on) == (not task.live, task.expires_on or shown.expires_on)


def _check_task(reference: Reference, task: Task, facts: list[Any]) -> None:
    _, tenant, state, attempt, priority, reason, visible_at, payload, result, progress, *others, ended = facts
    assert state == task.state(reference.now)
    assert (tenant, attempt, priority, reason) == (task.tenant, task.attempt, task.priority, task.reason)
    assert (payload, result, progress) == (task.payload, task.result, task.progress)
    unique_key, asked_to_stop, leased, *planned = others
    assert (unique_key, asked_to_stop, ended) == (task.unique_key, task.asked_to_stop, task.outcomes)
    assert planned == [task.deadline, task.schedule, task.window]
    if task.live:
        assert (visible_at, leased) == (task.visible_at, task.status == "running")


def _check_explanation(reference: Reference, task: Task, codes: list[str]) -> None:
    """Nothing is silent: there is a first reason, it agrees with the state, and what holds the task is named."""
    state = task.state(reference.now)
    firsts = {"orphaned": {"lease_expired"}, "scheduled": {"scheduled"}, "retrying": {"retrying"}}
    if task.reason == "no_handler":
        firsts["scheduled"] = firsts["retrying"] = {"no_handler"}
    if task.overdue(reference.now):
        assert codes == ["expired"]
        return
    if state == "ready":
        assert codes[-1] == "ready"
    else:
        assert codes[0] in firsts.get(state, {state})
    assert ("cancel_requested" in codes) == (state == "running" and task.asked_to_stop)
    if state == "orphaned" and task.attempt >= task.max_attempts:
        assert codes == ["lease_expired"]  # the leader's, whatever holds others
    elif state in ("ready", "orphaned"):
        assert ("queue_paused" in codes) == is_paused(reference, task)
        cap = reference.caps.get((task.queue, task.lane))
        full = cap is not None and running(reference, task.queue)[task.lane] >= cap
        assert ("lane_capped" in codes) == full


def _check_steps(reference: Reference, rows: list[Any]) -> None:
    """Of tasks that are gone some may be left."""
    kept = sorted(
        (task_id, name, attempt, result) for task_id, name, attempt, result in rows if task_id in reference.tasks
    )
    known = [(t.id, name, s.attempt, s.result) for t in reference.tasks.values() for name, s in t.steps.items()]
    assert kept == sorted(known)


def _check_depth(reference: Reference, rows: list[Any]) -> None:
    counted: Counter[tuple[str, str, str]] = Counter()
    for tenant, queue, *counts in rows:
        counted.update({(tenant, queue, state): n for state, n in zip(STATES, counts, strict=True) if n})
    live = [task for task in reference.tasks.values() if task.live]
    assert counted == Counter((task.tenant, task.queue, task.state(reference.now)) for task in live)


def _check_outcomes(reference: Reference) -> None:
    """At most one outcome of all that were told is final, and nothing follows it but a redrive's attempts."""
    for task in reference.tasks.values():
        if task.status == "succeeded":
            assert task.outcomes[-1] == "succeeded"
            assert task.outcomes.count("succeeded") == 1
