"""Reads the rows that a run left from its database: all in one snapshot."""

from __future__ import annotations

from datetime import datetime
from itertools import takewhile
from types import SimpleNamespace
from typing import Any, TypeVar, cast

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from tests.harness.history.operations import microseconds
from tests.harness.history.rows import (
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

from rowlock.store.rules import RuleRow, stored_trigger

Row = TypeVar("Row")
QUERIES: dict[type[Any], str] = {
    TaskRow: """
        SELECT id::text, tenant_id AS tenant, queue, lane, name, status::text, attempt, max_attempts,
               lease_token AS token, result, reason, idempotency_key AS key, schedule_id::text AS schedule, window_at,
               created_at, finished_at
          FROM rowlock.tasks ORDER BY id""",
    ExecutionRow: """
        SELECT task_id::text AS task, lease_token AS token, tenant_id AS tenant, attempt, worker_id AS worker,
               outcome::text, started_at, finished_at
          FROM rowlock.executions ORDER BY lease_token""",
    KeyRow: "SELECT tenant_id AS tenant, key, task_id::text AS task, expires_at FROM rowlock.idempotency_keys",
    WindowRow: """
        SELECT schedule_id::text AS schedule, window_at, tenant_id AS tenant, outcome, task_id::text AS task, reason,
               passed_after, epoch, recorded_at
          FROM rowlock.schedule_windows ORDER BY schedule_id, window_at""",
    LimitRow: "SELECT queue, lane, max_running FROM rowlock.limits",
    WorkerRow: "SELECT id, stopped_at FROM rowlock.workers",
    AuditRow: """
        SELECT action, subject_id AS task FROM rowlock.audit_log WHERE subject_kind = 'task' ORDER BY at""",
}
STEPS = """
    SELECT task_id::text AS task, name, occurrence, lease_token AS token, attempt, tenant_id AS tenant, recorded_at
      FROM rowlock.steps ORDER BY task_id, name, occurrence"""


def read_rows(url: str) -> Rows:
    """Every row that the checker looks at."""
    with psycopg.connect(url, row_factory=dict_row) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        found = {kind: _read(connection, kind, query) for kind, query in QUERIES.items()}
        has_steps = connection.execute("SELECT to_regclass('rowlock.steps') IS NOT NULL AS there").fetchone()
        steps = _read(connection, StepRow, STEPS) if has_steps and has_steps["there"] else ()
        schedules = connection.execute("SELECT * FROM rowlock.schedules").fetchall()
    return Rows(
        tasks=found[TaskRow],
        executions=found[ExecutionRow],
        keys=found[KeyRow],
        schedules=tuple(_schedule(row) for row in schedules),
        windows=found[WindowRow],
        limits=found[LimitRow],
        workers=found[WorkerRow],
        audit=found[AuditRow],
        steps=steps,
    )


def _read(connection: psycopg.Connection[dict[str, Any]], kind: type[Row], query: str) -> tuple[Row, ...]:
    rows = connection.execute(sql.SQL(cast(Any, query))).fetchall()
    return tuple(kind(**{name: _plain(value) for name, value in row.items()}) for row in rows)


def _plain(value: Any) -> Any:
    return microseconds(value) if isinstance(value, datetime) else value


def _schedule(row: dict[str, Any]) -> ScheduleRow:
    return ScheduleRow(
        id=str(row["id"]),
        tenant=row["tenant_id"],
        name=row["name"],
        missed_run_policy=row["missed_run_policy"],
        changed_at=microseconds(row["updated_at"]),
        cursor_at=microseconds(row["cursor_at"]),
        windows=tuple(_windows(row)),
    )


def _windows(row: dict[str, Any]) -> list[int]:
    """The rule's windows since its last change, up to the cursor."""
    trigger = stored_trigger(cast(RuleRow, SimpleNamespace(**row)))
    passed = takewhile(lambda at: at <= row["cursor_at"], trigger.windows_after(row["updated_at"]))
    return [microseconds(at) for at in passed]
