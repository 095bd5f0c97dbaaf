"""Enqueueing on the caller's own connection, so that the task commits and rolls back with the caller's data.

Six kinds are known: psycopg's Connection and AsyncConnection, SQLAlchemy's Connection, Session, AsyncConnection and
AsyncSession (on any driver). All go through a function whose tasks are JSON text: `rowlock.enqueue_many` where ids were
chosen, which looks for them in the history, and the one behind it otherwise. SQLAlchemy is asked about only where the
caller has loaded it, for loading it takes longer than the rest of rowlock.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg

from rowlock.domain.errors import InvalidArgument
from rowlock.domain.requests import TaskRequest, chosen_ids
from rowlock.store.connections import Row
from rowlock.store.errors import translated
from rowlock.store.statements import Statement, render, statement
from rowlock.store.tasks import Stored, as_json

if TYPE_CHECKING:
    from sqlalchemy import TextClause

_PORTABLE = (
    "SELECT stored.position, CAST(stored.id AS text), stored.created "
    "FROM rowlock.{function}(CAST(:tasks AS jsonb), CAST(:tenant_id AS text)) AS stored ORDER BY stored.position"
)
_KINDS = "a psycopg Connection or AsyncConnection, or a SQLAlchemy Connection, Session, AsyncConnection or AsyncSession"


def insert_on(on: object, schema: str, tenant_id: str, requests: Sequence[TaskRequest]) -> list[Stored]:
    """Stores tasks in the open transaction of a synchronous connection or session."""
    parameters = {"tasks": as_json(requests), "tenant_id": tenant_id}
    with translated():
        if isinstance(on, psycopg.Connection):
            with _cursor(on) as cursor:
                cursor.execute(_statement(schema, requests), parameters)
                return _stored(cursor.fetchall())
        if isinstance(on, _sqlalchemy_sync()):
            return _stored(on.execute(_portable(schema, requests), parameters).all())
    raise _unfit(on, "await .enqueue(…)" if _is_async(on) else None)


async def insert_on_async(on: object, schema: str, tenant_id: str, requests: Sequence[TaskRequest]) -> list[Stored]:
    """Stores tasks in the open transaction of an asynchronous connection or session."""
    parameters = {"tasks": as_json(requests), "tenant_id": tenant_id}
    with translated():
        if isinstance(on, psycopg.AsyncConnection):
            async with _async_cursor(on) as cursor:
                await cursor.execute(_statement(schema, requests), parameters)
                return _stored(await cursor.fetchall())
        if isinstance(on, _sqlalchemy_async()):
            return _stored((await on.execute(_portable(schema, requests), parameters)).all())
    is_sync = isinstance(on, (psycopg.Connection, *_sqlalchemy_sync()))
    raise _unfit(on, ".enqueue_sync(…)" if is_sync else None)


def _cursor(on: psycopg.Connection[Any]) -> psycopg.Cursor[Row]:
    """A cursor of the connection's own kind, unless that takes no named parameters."""
    cursor = on.cursor(row_factory=psycopg.rows.tuple_row)
    if isinstance(cursor, psycopg.RawCursor):
        return psycopg.Cursor(on, row_factory=psycopg.rows.tuple_row)
    return cursor


def _async_cursor(on: psycopg.AsyncConnection[Any]) -> psycopg.AsyncCursor[Row]:
    cursor = on.cursor(row_factory=psycopg.rows.tuple_row)
    if isinstance(cursor, psycopg.AsyncRawCursor):
        return psycopg.AsyncCursor(on, row_factory=psycopg.rows.tuple_row)
    return cursor


def _statement(schema: str, requests: Sequence[TaskRequest]) -> Statement:
    return statement("enqueue_chosen" if chosen_ids(requests) else "enqueue_keyed", schema)


def _portable(schema: str, requests: Sequence[TaskRequest]) -> TextClause:
    from sqlalchemy import text

    function = "enqueue_many" if chosen_ids(requests) else "store_requests"
    return text(render(_PORTABLE.format(function=function), schema))


def _stored(rows: Sequence[Any]) -> list[Stored]:
    return [Stored(row[1] if isinstance(row[1], UUID) else UUID(row[1]), bool(row[2])) for row in rows]


def _is_async(on: object) -> bool:
    return isinstance(on, (psycopg.AsyncConnection, *_sqlalchemy_async()))


def _sqlalchemy_sync() -> tuple[type[Any], ...]:
    """SQLAlchemy's synchronous kinds, if the caller has loaded them."""
    if "sqlalchemy" not in sys.modules:
        return ()
    from sqlalchemy import Connection
    from sqlalchemy.orm import Session, scoped_session

    return (Connection, Session, scoped_session)


def _sqlalchemy_async() -> tuple[type[Any], ...]:
    """SQLAlchemy's asynchronous kinds, if the caller has loaded them: they need greenlet, which not everybody has."""
    loaded = sys.modules.get("sqlalchemy.ext.asyncio")
    return (loaded.AsyncConnection, loaded.AsyncSession, loaded.async_scoped_session) if loaded else ()


def _unfit(on: object, instead: str | None) -> InvalidArgument:
    if instead:
        return InvalidArgument(f"on={type(on).__name__} does not fit this call: use {instead} with it.", field="on")
    return InvalidArgument(f"on= takes {_KINDS}, not {type(on).__name__}.", field="on")
