"""The kinds of connection that an application may bring along to `on=`, behind one shape for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from rowlock import Task, TaskHandle


class RolledBack(Exception):
    """Ends a block so that what it did is undone."""


@dataclass
class Caller:
    """A connection with a transaction of the application's own."""

    on: Any
    is_async: bool
    execute: Callable[[str], Any]
    commit: Callable[[], Any]
    rollback: Callable[[], Any]
    nested: Callable[[], Any] = field(repr=False)

    async def enqueue(self, task: Task[..., Any], arguments: Mapping[str, Any], **options: Any) -> TaskHandle:
        chosen = task.options(on=self.on, **options)
        return await chosen.enqueue(**arguments) if self.is_async else chosen.enqueue_sync(**arguments)

    async def enqueue_many(self, task: Task[..., Any], arguments: Sequence[Mapping[str, Any]]) -> list[TaskHandle]:
        chosen = task.options(on=self.on)
        return await chosen.enqueue_many(arguments) if self.is_async else chosen.enqueue_many_sync(arguments)

    async def do(self, what: Callable[[], Any]) -> None:
        done = what()
        if self.is_async:
            await done

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """A block inside the transaction that `RolledBack` undoes on its own."""
        try:
            if self.is_async:
                async with self.nested():
                    yield
            else:
                with self.nested():
                    yield
        except RolledBack:
            return


Opening = Callable[[str], AbstractAsyncContextManager[Caller]]


def psycopg_connection(cursors: type[psycopg.Cursor[Any]] = psycopg.Cursor) -> Opening:
    @asynccontextmanager
    async def opened(url: str) -> AsyncIterator[Caller]:
        with psycopg.connect(url, cursor_factory=cursors) as on:
            yield Caller(on, False, on.execute, on.commit, on.rollback, on.transaction)
            on.rollback()

    return opened


def psycopg_async_connection(cursors: type[psycopg.AsyncCursor[Any]] = psycopg.AsyncCursor) -> Opening:
    @asynccontextmanager
    async def opened(url: str) -> AsyncIterator[Caller]:
        async with await psycopg.AsyncConnection.connect(url, cursor_factory=cursors) as on:
            yield Caller(on, True, on.execute, on.commit, on.rollback, on.transaction)
            await on.rollback()

    return opened


def sqlalchemy_connection(driver: str = "psycopg") -> Opening:
    @asynccontextmanager
    async def opened(url: str) -> AsyncIterator[Caller]:
        with engine(url, driver).connect() as on:
            yield Caller(on, False, _text(on), on.commit, on.rollback, on.begin_nested)

    return opened


def sqlalchemy_session(driver: str = "psycopg") -> Opening:
    @asynccontextmanager
    async def opened(url: str) -> AsyncIterator[Caller]:
        with Session(engine(url, driver)) as on:
            yield Caller(on, False, _text(on), on.commit, on.rollback, on.begin_nested)

    return opened


def sqlalchemy_async_connection(driver: str = "psycopg") -> Opening:
    @asynccontextmanager
    async def opened(url: str) -> AsyncIterator[Caller]:
        async with create_async_engine(_address(url, driver), poolclass=sa.pool.NullPool).connect() as on:
            yield Caller(on, True, _text(on), on.commit, on.rollback, on.begin_nested)

    return opened


def sqlalchemy_async_session(driver: str = "psycopg") -> Opening:
    @asynccontextmanager
    async def opened(url: str) -> AsyncIterator[Caller]:
        async with AsyncSession(create_async_engine(_address(url, driver), poolclass=sa.pool.NullPool)) as on:
            yield Caller(on, True, _text(on), on.commit, on.rollback, on.begin_nested)

    return opened


def engine(url: str, driver: str = "psycopg") -> sa.Engine:
    return sa.create_engine(_address(url, driver), poolclass=sa.pool.NullPool)


def _address(url: str, driver: str) -> sa.URL:
    return sa.make_url(url).set(drivername=f"postgresql+{driver}")


def _text(on: sa.Connection | Session | AsyncConnection | AsyncSession) -> Callable[[str], Any]:
    return lambda sql: on.execute(sa.text(sql))


KINDS: dict[str, Opening] = {
    "psycopg.Connection": psycopg_connection(),
    "psycopg.Connection with RawCursor": psycopg_connection(psycopg.RawCursor),
    "psycopg.Connection with ClientCursor": psycopg_connection(psycopg.ClientCursor),
    "psycopg.AsyncConnection": psycopg_async_connection(),
    "psycopg.AsyncConnection with AsyncRawCursor": psycopg_async_connection(psycopg.AsyncRawCursor),
    "sqlalchemy.Connection": sqlalchemy_connection(),
    "sqlalchemy.Session": sqlalchemy_session(),
    "sqlalchemy.AsyncConnection": sqlalchemy_async_connection(),
    "sqlalchemy.AsyncSession": sqlalchemy_async_session(),
}
if find_spec("asyncpg"):
    KINDS["sqlalchemy.AsyncConnection on asyncpg"] = sqlalchemy_async_connection("asyncpg")
    KINDS["sqlalchemy.AsyncSession on asyncpg"] = sqlalchemy_async_session("asyncpg")
if find_spec("psycopg2"):
    KINDS["sqlalchemy.Session on psycopg2"] = sqlalchemy_session("psycopg2")
