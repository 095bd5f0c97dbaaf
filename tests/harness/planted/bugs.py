"""The catalogue of planted bugs: each is one mistake that a job system may make, and several well-known ones do.

The checker must find each by the rule that the catalogue names, and nothing at all in the same scenario without it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from tests.harness.planted import scenarios
from tests.harness.planted.planting import Change, in_function, in_statement
from tests.harness.planted.stage import Stage

from rowlock.domain.requests import TaskRequest
from rowlock.engine import enqueue
from rowlock.engine.writing import Ending, Way
from rowlock.store import tasks
from rowlock.store.database import Database
from rowlock.store.leases import ClaimedTask
from rowlock.worker import held

Scenario = Callable[[Stage], Awaitable[None]]
Planting = AbstractContextManager[Any] | AbstractAsyncContextManager[Any]


@dataclass(frozen=True)
class PlantedBug:
    """`plant` takes the stage, and is in force for the length of its block."""

    mistake: str
    caught_by: str
    scenario: Scenario
    plant: Callable[[Stage], Planting]


def _statement(name: str, *changes: Change) -> Callable[[Stage], Planting]:
    return lambda _: in_statement(name, *changes)


def _function(name: str, *changes: Change) -> Callable[[Stage], Planting]:
    return lambda stage: in_function(stage.here, name, *changes)


def _module(module: Any, name: str, planted: Any) -> Callable[[Stage], Planting]:
    return lambda _: patch.object(module, name, planted)


# -- bugs that are more than a change of text


@asynccontextmanager
async def _commits_after_the_answer(_: Stage) -> AsyncIterator[None]:
    """The caller is answered from inside the transaction."""
    committing: list[asyncio.Task[None]] = []

    async def store_batch(database: Database, tenant_id: str, requests: Sequence[TaskRequest]) -> None:
        stored = asyncio.Event()

        async def commit_later() -> None:
            async with database.link() as link, link.transaction():
                await tasks.insert_tasks(link, tenant_id, requests)
                stored.set()
                await asyncio.Event().wait()

        committing.append(asyncio.create_task(commit_later()))
        await stored.wait()

    with patch.object(enqueue, "_store_batch", store_batch):
        yield
    for later in committing:
        later.cancel()
    await asyncio.gather(*committing, return_exceptions=True)


async def _store_one_by_one(database: Database, tenant_id: str, requests: Sequence[TaskRequest]) -> None:
    """A batch without a transaction."""
    for request in requests:
        await tasks.insert_tasks(database, tenant_id, [request])


def _completed(task: ClaimedTask, *, begun: bool) -> Ending:
    """A worker that is done with what it drops."""
    return Ending(task, Way.COMPLETE)


# -- the texts that they change

BY_TOKEN = "\n       AND (task.lease_token IN (SELECT unnest(%(lease_tokens)s::bigint[]))) IS TRUE"
BY_SAID_TOKEN = " AND task.lease_token = outcome.lease_token"
FORGET_THE_ROW = "DELETE FROM rowlock.tasks AS task WHERE task.id = cancel.task_id;"
LAST_OF_THE_CLAIM = "AS lost_lease"
STILL_HELD = "task.visible_at <= rowlock.clock()"
LEASE_HAS_ENDED = "task.lease_expires_at <= rowlock.clock()"
KEY_VALUES = """VALUES (enqueue_keyed.tenant_id, request.idempotency_key, request.request_hash, request.said_hash,
                request.id, rowlock.clock() + make_interval(secs => request.idempotency_seconds))"""
KEY_VALUES_IF_NEW = """SELECT enqueue_keyed.tenant_id, request.idempotency_key, request.request_hash, request.said_hash,
                request.id, rowlock.clock() + make_interval(secs => request.idempotency_seconds)
          WHERE NOT EXISTS (SELECT FROM rowlock.idempotency_keys AS seen
                 WHERE seen.tenant_id = enqueue_keyed.tenant_id AND seen.key = request.idempotency_key)"""

BUGS: dict[str, PlantedBug] = {
    # -- the fence
    "complete_without_the_token": PlantedBug(
        "A completion checks only the id.",
        "newest_lease",
        scenarios.completes_late,
        _statement("complete", (BY_TOKEN, "")),
    ),
    "result_overwritten": PlantedBug(
        "A completion that comes too late overwrites the result of a newer attempt.",
        "agrees",
        scenarios.completes_too_late,
        _statement(
            "complete_with_results",
            ("DELETE FROM rowlock.tasks_live AS task", "DELETE FROM rowlock.tasks AS task"),
            (BY_TOKEN, ""),
            ("ON outcome.lease_token = ended.lease_token", "ON true"),
        ),
    ),
    "snooze_without_the_token": PlantedBug(
        "A snooze checks only the id.",
        "newest_lease",
        scenarios.snoozes_late,
        _statement("snooze", (BY_SAID_TOKEN, "")),
    ),
    "renewal_without_the_token": PlantedBug(
        "A renewal checks only the id.",
        "kept",
        scenarios.renews_late,
        _statement("renew_leases", (f"{BY_TOKEN}\n       FOR UPDATE", "\n       FOR UPDATE")),
    ),
    "progress_without_the_token": PlantedBug(
        "Progress is kept whoever reports it.",
        "kept",
        scenarios.renews_late,
        _statement("report_progress", (" AND task.lease_token = %(lease_token)s", "")),
    ),
    "step_without_the_token": PlantedBug(
        "A step is kept whoever has finished it.",
        "steps",
        scenarios.keeps_a_step_late,
        _statement("record_step", (" AND task.lease_token = %(lease_token)s", "")),
    ),
    "fenced_by_the_attempt_number": PlantedBug(
        "The number of the attempt serves as the token.",
        "tokens",
        scenarios.gives_back,
        _statement("claim", ("nextval('rowlock.lease_tokens')", "task.attempt + 1")),
    ),
    "retry_of_a_buried_task": PlantedBug(
        "A retry finds its task in the dead letters, and puts it back to work.",
        "explained",
        scenarios.buries_then_retries,
        _statement(
            "retry",
            ("UPDATE rowlock.tasks_live AS task", "UPDATE rowlock.tasks AS task"),
            ("SET status = 'pending'", "SET expires_on = '9999-12-31', status = 'pending'"),
        ),
    ),
    # -- claims and rescues
    "claim_without_a_lock": PlantedBug(
        "A claim reads first and writes then: no FOR UPDATE SKIP LOCKED.",
        "overlap",
        scenarios.claims_at_once,
        _statement(
            "claim",
            ("\n               FOR UPDATE SKIP LOCKED", ""),
            ("task.ctid = ANY (ARRAY(SELECT picked.place FROM picked))", "task.id IN (SELECT picked.id FROM picked)"),
        ),
    ),
    "taken_over_by_the_worker_s_clock": PlantedBug(
        "A worker whose clock is an hour fast decides by it which leases have run out.",
        "overlap",
        scenarios.claims_again,
        _statement(
            "claim",
            (STILL_HELD, f"{STILL_HELD} + interval '1 hour'"),
            (LEASE_HAS_ENDED, f"{LEASE_HAS_ENDED} + interval '1 hour'"),
        ),
    ),
    "claimed_in_its_place_and_again": PlantedBug(
        "A claim does not look at leases that left the task where it lay.",
        "overlap",
        scenarios.claims_again,
        _statement(
            "claim", (f"(task.status = 'pending' OR task.lease_expires_at IS NULL OR {LEASE_HAS_ENDED})", "true")
        ),
    ),
    "takeover_without_a_trace": PlantedBug(
        "Whoever takes over does not write down that the former attempt expired.",
        "explained",
        scenarios.outlives_its_lease,
        _statement("claim", ("picked.status = 'running'", "false")),
    ),
    "rescue_of_the_living": PlantedBug(
        "The rescue does not look whether the lease has run out.",
        "overlap",
        scenarios.rescued_while_held,
        _statement("rescue_exhausted", (f" AND {STILL_HELD}", "")),
    ),
    "attempts_without_end": PlantedBug(
        "A claim does not look whether attempts are left.",
        "attempts",
        scenarios.out_of_attempts,
        _statement("claim", ("               AND task.attempt < task.max_attempts\n", "")),
    ),
    "claim_forgets_a_task": PlantedBug(
        "A claim leases one task more than it tells its worker of.",
        "claimed",
        scenarios.outlive_their_leases,
        _statement(
            "claim",
            (")\nUPDATE", "), taken AS (UPDATE"),
            (LAST_OF_THE_CLAIM, f"{LAST_OF_THE_CLAIM}) TABLE taken OFFSET 1"),
        ),
    ),
    # -- what is counted and written down
    "release_spends_the_attempt": PlantedBug(
        "Giving back what was never begun costs an attempt.",
        "attempts",
        scenarios.gives_back,
        _statement("release", ("attempt = task.attempt - 1", "attempt = task.attempt")),
    ),
    "retry_spends_nothing": PlantedBug(
        "A failure gives its attempt back.",
        "attempts",
        scenarios.fails_and_succeeds,
        _statement("retry", ("attempt = task.attempt,", "attempt = task.attempt - 1,")),
    ),
    "retry_never_due": PlantedBug(
        "The backoff is counted in days.",
        "stuck",
        scenarios.fails_and_succeeds,
        _statement("retry", ("THEN outcome.delay_seconds ELSE", "THEN 86400 ELSE")),
    ),
    "completed_twice": PlantedBug(
        "A completion that is sent again finds its task among the ended ones, and ends it again.",
        "one_outcome",
        scenarios.says_it_again,
        _statement("complete", ("DELETE FROM rowlock.tasks_live AS task", "DELETE FROM rowlock.tasks AS task")),
    ),
    "completion_without_its_execution": PlantedBug(
        "A completion forgets to write the attempt down.",
        "accounted",
        scenarios.outlives_its_lease,
        _statement("complete", ("      FROM ended\n)\nSELECT", "      FROM ended WHERE false\n)\nSELECT")),
    ),
    "completed_and_still_live": PlantedBug(
        "A completion copies the row to the history and leaves it where it was.",
        "one_row",
        scenarios.rescued_while_held,
        _statement(
            "complete",
            ("DELETE FROM rowlock.tasks_live AS task", "UPDATE rowlock.tasks_live AS task SET progress = NULL"),
        ),
    ),
    "completed_on_drain": PlantedBug(
        "A worker that stops drops what it holds, and completes it.",
        "truthful",
        scenarios.a_worker_drains,
        _module(held, "given_back", _completed),
    ),
    "steps_begun_anew": PlantedBug(
        "The next attempt does not find the steps of the former one.",
        "steps",
        scenarios.goes_on_after_a_step,
        _statement("load_steps", ("step.task_id = task.id AND", "step.lease_token = task.lease_token AND")),
    ),
    # -- what callers are told
    "answer_before_the_commit": PlantedBug(
        "The caller is answered before COMMIT.",
        "lost",
        scenarios.acknowledged_then_cut,
        _commits_after_the_answer,
    ),
    "batch_in_pieces": PlantedBug(
        "A batch is stored without a transaction.",
        "unexpected",
        scenarios.half_a_batch,
        _module(enqueue, "_store_batch", _store_one_by_one),
    ),
    "batch_cut_in_two": PlantedBug(
        "A batch is stored without a transaction, and its caller dies half-way.",
        "whole",
        scenarios.dies_within_a_batch,
        _module(enqueue, "_store_batch", _store_one_by_one),
    ),
    "cancelled_for_good": PlantedBug(
        "A cancellation deletes the task.",
        "lost",
        scenarios.is_redriven,
        _function("cancel", ("RETURN 'cancelled'", f"{FORGET_THE_ROW} RETURN 'cancelled'")),
    ),
    "key_checked_without_its_lock": PlantedBug(
        "An idempotency key is looked for first and taken then.",
        "idempotency",
        scenarios.one_key_at_once,
        _function(
            "enqueue_keyed",
            (KEY_VALUES, KEY_VALUES_IF_NEW),
            ("\n            WHERE held.expires_at <= rowlock.clock()", ""),
        ),
    ),
    "key_of_another_request": PlantedBug(
        "Whoever brings a known key is answered, whatever he asks for.",
        "idempotency",
        scenarios.one_key_two_requests,
        _function("enqueue_keyed", ("earlier.request_hash <> request.request_hash", "false")),
    ),
    "read_without_the_tenant": PlantedBug(
        "A task is shown to whoever knows its id.",
        "tenants",
        scenarios.a_tenant_looks,
        _statement("get_live_task", (" AND task.tenant_id = %(tenant_id)s", "")),
    ),
    "cancel_without_the_tenant": PlantedBug(
        "A task is cancelled by whoever knows its id.",
        "tenants",
        scenarios.a_tenant_looks,
        _function("cancel", ("task.tenant_id = cancel.tenant_id FOR UPDATE", "true FOR UPDATE")),
    ),
    # -- caps and windows
    "cap_counted_without_its_lock": PlantedBug(
        "What a capped lane runs is counted without the lock.",
        "caps",
        scenarios.a_lane_is_capped,
        _statement("lock_lane", ("pg_advisory_xact_lock", "")),
    ),
    "window_fired_twice": PlantedBug(
        "The cursor is not compared, and a window that is there already fires again.",
        "windows",
        scenarios.windows_come_due,
        _statement(
            "fire_windows",
            ("schedule.cursor_at = decided.seen_at AND ", ""),
            (" WHERE (due.task_id IN (SELECT reserved.task_id FROM reserved)) IS TRUE", ""),
        ),
    ),
    "cursor_without_its_window": PlantedBug(
        "The cursor moves past a window that is not written down.",
        "windows",
        scenarios.windows_come_due,
        _statement("fire_windows", ("generate_series(1, moved.fires)", "generate_series(1, moved.fires - 1)")),
    ),
    "window_without_its_task": PlantedBug(
        "A window is reserved, and its task is not stored.",
        "windows",
        scenarios.windows_come_due,
        _statement("fire_windows", ("FROM fired\n    RETURNING", "FROM fired WHERE false\n    RETURNING")),
    ),
    "fired_under_an_old_epoch": PlantedBug(
        "A former leader fires on.",
        "epochs",
        scenarios.the_lead_changes,
        _statement("fire_windows", ("rowlock.holds_epoch('scheduler', %(epoch)s)", "%(epoch)s IS NOT NULL")),
    ),
}
