"""Pages of tasks, newest or oldest first, by any mix of filters.

The statement's shape depends on which filters are given, so SQLAlchemy writes it: once per shape, for the values are
parameters. A status says where its tasks lie (live, or in the finished days), so other partitions are never
touched. What no index helps with may be slow on a large table; a statement timeout bounds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from rowlock.domain.states import TERMINAL, Status, StoredStatus
from rowlock.store.database import Database
from rowlock.store.reading import Reading
from rowlock.store.statements import render
from rowlock.store.tables import tasks
from rowlock.store.tasks import TaskRecord

MAX_PAGE = 200
LONGEST_READ = "15s"
LARGEST_SHOWN = 16_384  # bytes of a payload, result or progress that a list shows: a page stays below 10 MB
BULKY = ("payload", "result", "progress")
LIVE_DAY = "9999-12-31"

DIALECT = PGDialect_psycopg()  # type: ignore[no-untyped-call]
Condition = sa.ColumnElement[bool]
task = tasks.alias("task")


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFilter:
    """What to look for; no statuses means all of them, None means any."""

    statuses: frozenset[Status] = frozenset()
    queue: str | None = None
    name: str | None = None
    tag: str | None = None
    parent_id: UUID | None = None
    schedule_id: UUID | None = None

    @property
    def given(self) -> dict[str, Any]:
        """The filters beside the status that are set, by name."""
        names = ("queue", "name", "tag", "parent_id", "schedule_id")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


@dataclass(frozen=True, slots=True)
class ListedTask:
    """A task on a page. `omitted` names what was too large to be listed; the task itself has it."""

    task: TaskRecord
    omitted: tuple[str, ...]


async def list_tasks(
    database: Database,
    tenant_id: str,
    wanted: TaskFilter,
    *,
    past: UUID | None = None,
    oldest_first: bool = False,
    limit: int = 50,
) -> list[ListedTask]:
    """At most `limit` tasks behind the id `past`, newest or oldest first."""
    given = wanted.given
    sql = page_sql(wanted.statuses, frozenset(given), past is not None, oldest_first, database.schema)
    parameters = {**given, "tenant_id": tenant_id, "limit": limit}
    if "tag" in given:
        parameters["tags"] = [parameters.pop("tag")]
    if past is not None:
        parameters["past"] = past
    rows = await Reading(database).records(sql, parameters, longest=LONGEST_READ)
    return [_listed(row) for row in rows]


@cache
def page_sql(
    statuses: frozenset[Status],
    filters: frozenset[str],
    continued: bool,
    oldest_first: bool = False,
    schema: str = "rowlock",
) -> str:
    """The statement for that shape, with psycopg's placeholders."""
    conditions: list[Condition] = [task.c.tenant_id == _value("tenant_id", task.c.tenant_id)]
    if statuses:
        conditions += _in_states(statuses)
    for name in sorted(filters - {"tag"}):
        conditions.append(task.c[name] == _value(name, task.c[name]))
    if "tag" in filters:
        conditions.append(task.c.tags.contains(_value("tags", task.c.tags)))
    if continued:
        past = _value("past", task.c.id)
        conditions.append(task.c.id > past if oldest_first else task.c.id < past)
    page = (
        sa.select(*_columns())
        .where(*conditions)
        .order_by(task.c.id.asc() if oldest_first else task.c.id.desc())
        .limit(sa.bindparam("limit", type_=sa.Integer()))
    )
    return render(str(page.compile(dialect=DIALECT)), schema)


def _columns() -> list[sa.ColumnElement[Any]]:
    """The columns of a `TaskRecord`, the bulky ones only where they are small."""
    shown: list[sa.ColumnElement[Any]] = []
    for name in TaskRecord.__dataclass_fields__:
        column = task.c[name]
        if name == "status":
            derived = sa.func.rowlock.public_status(column, task.c.visible_at, task.c.attempt)
            shown.append(derived.label(name))
        elif name == "visible_at":
            shown.append(sa.func.greatest(column, task.c.lease_expires_at).label(name))
        elif name in BULKY:
            too_large = sa.func.octet_length(sa.cast(column, sa.Text())) > _constant(LARGEST_SHOWN)
            shown.append(sa.case((sa.not_(too_large), column)).label(name))
            shown.append(too_large.label(f"{name}_omitted"))
        else:
            shown.append(column)
    return shown


def _in_states(statuses: frozenset[Status]) -> Sequence[Condition]:
    ended = {Status(status.value) for status in TERMINAL}
    conditions = [sa.or_(*(_is(status) for status in sorted(statuses)))]
    # Said of the partition key itself, so that the planner leaves partitions out.
    if statuses <= ended:
        conditions.append(task.c.expires_on < _constant(LIVE_DAY))
    elif not statuses & ended:
        conditions.append(task.c.expires_on == _constant(LIVE_DAY))
    return conditions


def _is(status: Status) -> Condition:
    """The public status, as a condition on what is stored and the clock."""
    due = task.c.visible_at <= sa.func.rowlock.clock()
    pending = task.c.status == _constant(StoredStatus.PENDING.value)
    match status:
        case Status.READY:
            return sa.and_(pending, due)
        case Status.SCHEDULED:
            return sa.and_(pending, sa.not_(due), task.c.attempt == _constant(0))
        case Status.RETRYING:
            return sa.and_(pending, sa.not_(due), task.c.attempt > _constant(0))
        case _:
            return task.c.status == _constant(StoredStatus(status.value).value)


def _constant(value: str | int) -> sa.ColumnElement[Any]:
    """Written out rather than a parameter: the planner finds partial indexes and partitions by it."""
    return sa.literal_column(f"'{value}'" if isinstance(value, str) else str(value))


def _value(name: str, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    kind = pg.ARRAY(sa.Text()) if name == "tags" else column.type
    return sa.bindparam(name, type_=kind)


def _listed(row: dict[str, Any]) -> ListedTask:
    omitted = tuple(name for name in BULKY if row.pop(f"{name}_omitted"))
    if "payload" in omitted:
        row["payload"] = {}
    return ListedTask(TaskRecord(**row), omitted)
