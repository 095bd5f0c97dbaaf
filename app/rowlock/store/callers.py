"""Enqueueing on the caller's own connection, so that the task commits and rolls back with the caller's data.

Six kinds are known: psycopg's Connection and AsyncConnection, SQLAlchemy's Connection, Session, AsyncConnection and
AsyncSession (on any driver). All go through `rowlock.enqueue_many`, whose one parameter is JSON text. SQLAlchemy is
asked about only where the caller has loaded it, for loading it takes longer than the rest of rowlock.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg

from rowlock.domain.errors import InvalidArgument
from rowlock.domain.requests import TaskRequest
from rowlock.store.errors import translated
from rowlock.store.statements import render, statement
from rowlock.store.tasks import Stored, as_json

if TYPE_CHECKING:
    from sqlalchemy import TextClause

_PORTABLE = (
    "SELECT stored.position, CAST(stored.id AS text), stored.created "
    "FROM rowlock.enqueue_many(CAST(:tasks AS jsonb), CAST(:tenant_id AS text)) AS stored ORDER BY stored.position"
)
_KINDS = "a psycopg Connection or AsyncConnection, or a SQLAlchemy Connection, Session, AsyncConnection or AsyncSession"


def insert_on(on: object, schema: str, tenant_id: str, requests: Sequence[TaskRequest]) -> list[Stored]:
    """Stores tasks in the open transaction of a synchronous connection or session."""
    parameters = {"tasks": as_json(requests), "tenant_id": tenant_id}
    with translated():
        if isinstance(on, psycopg.Connection):
            with on.cursor(row_factory=psycopg.rows.tuple_row) as cursor:
                cursor.execute(statement("enqueue_keyed", schema), parameters)
                return _stored(cursor.fetchall())
        if isinstance(on, _sqlalchemy_sync()):
            return _stored(on.execute(_portable(schema), parameters).all())
    raise _unfit(on, "await .enqueue(…)" if _is_async(on) else None)


async def insert_on_async(on: object, schema: str, tenant_id: str, requests: Sequence[TaskRequest]) -> list[Stored]:
    """Stores tasks in the open transaction of an asynchronous connection or session."""
    parameters = {"tasks": as_json(requests), "tenant_id": tenant_id}
    with translated():
        if isinstance(on, psycopg.AsyncConnection):
            async with on.cursor(row_factory=psycopg.rows.tuple_row) as cursor:
                await cursor.execute(statement("enqueue_keyed", schema), parameters)
                return _stored(await cursor.fetchall())
        if isinstance(on, _sqlalchemy_async()):
            return _stored((await on.execute(_portable(schema), parameters)).all())
    is_sync = isinstance(on, (psycopg.Connection, *_sqlalchemy_sync()))
    raise _unfit(on, ".enqueue_sync(…)" if is_sync else None)


def _portable(schema: str) -> TextClause:
    from sqlalchemy import text

    return text(render(_PORTABLE, schema))


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
