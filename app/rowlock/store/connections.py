"""psycopg's connection, made quicker for what rowlock does all day: one of its own small statements, again and again.

A cursor finds out anew each time how parameters are written and how the answer is read. Here that is kept, and waiting
for an answer takes no timer: a statement costs some 40 µs of the client's CPU instead of 60.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, cast

from psycopg import AsyncConnection, errors
from psycopg.abc import Buffer, PQGen
from psycopg.abc import Transformer as Known
from psycopg.adapt import PyFormat, Transformer
from psycopg.generators import execute
from psycopg.pq import ExecStatus, Format
from psycopg.pq.abc import PGresult
from psycopg.waiting import READY_R, WAIT_R, Wait

from rowlock.store.statements import Statement

Row = tuple[Any, ...]  # Any: a row's types are the statement's
Kind = tuple[Statement, tuple[int, ...]]  # a statement and its parameters' types: an integer's depends on its size
# What may be said of a statement whose tables, or whose preparation, are not what they were.
STALE = (
    errors.InvalidSqlStatementName,
    errors.FeatureNotSupported,
    errors.UndefinedTable,
    errors.UndefinedColumn,
    errors.UndefinedFunction,
    errors.UndefinedObject,
    errors.InternalError_,
)


class Connection(AsyncConnection[Row]):
    """A connection that prepares rowlock's own statements when they come for the second time, unless it is `pooled`.

    Its cursors prepare nothing: psycopg would deallocate all statements after a rollback, these too.
    """

    pooled = False  # whether a pooler stands between, and what a session is told may reach another

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._known: Known = Transformer(self)
        self._seen: dict[Kind, bytes | None] = {}  # and by what name those are called that are prepared
        self._names = 0
        self._heard: asyncio.Future[None] | None = None  # while an answer is waited for
        self._socket = -1

    async def perform(self, sql: Statement, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """Runs a statement, in autocommit or in the open transaction. Its rows, if any; errors are psycopg's."""
        async with self.lock:
            known = self._known
            values = [parameters[name] for name in sql.names] if parameters else []
            dumped = known.dump_sequence(values, [PyFormat.AUTO] * len(values))
            formats, kind = known.formats or [], (sql, known.types or ())  # lists: psycopg 3.2 takes nothing else
            try:
                await self._send(kind, dumped, formats)
                result = await self._answer()
            except STALE:
                self._seen.pop(kind, None)
                raise
            if not gave_rows(result):
                return []
            known.set_pgresult(result, format=Format.BINARY)
            rows = known.load_rows(0, result.ntuples, tuple)
            known.set_pgresult(None)  # or the answer would be kept until the next
            return rows

    async def _send(self, kind: Kind, values: Sequence[Buffer | None], formats: Sequence[Format]) -> None:
        if kind in self._seen:
            name = self._seen[kind] or await self._prepare(kind)
            self.pgconn.send_query_prepared(name, values, param_formats=formats, result_format=Format.BINARY)
        else:
            sql, types = kind
            self.pgconn.send_query_params(
                sql.numbered, values, param_types=types, param_formats=formats, result_format=Format.BINARY
            )
            self._seen[kind] = None

    async def _prepare(self, kind: Kind) -> bytes:
        sql, types = kind
        self._names += 1  # before it is sent: one that fails or is cancelled may be prepared all the same
        name = b"rowlock_%d" % self._names
        self.pgconn.send_prepare(name, sql.numbered, param_types=types)
        await self._answer()
        self._seen[kind] = name
        return name

    async def _answer(self) -> PGresult:
        result: PGresult = (await self.wait(execute(self.pgconn)))[-1]
        if result.status == ExecStatus.FATAL_ERROR:
            raise errors.error_from_result(result, encoding=self.info.encoding)
        return result

    async def wait(self, gen: PQGen[Any], *args: Any, **options: Any) -> Any:  # Any: whatever the generator returns
        """As psycopg's, without its timer for each wait. Whatever is not just waiting for an answer is left to it."""
        if args or options:
            return await super().wait(gen, *args, **options)
        try:
            wanted = next(gen)
            while wanted == WAIT_R:
                await self._heard_from_server()
                wanted = gen.send(READY_R)
        except StopIteration as end:
            return end.value
        except (asyncio.CancelledError, KeyboardInterrupt) as interruption:
            return await super().wait(cast("PQGen[Any]", _GoesOn(gen, interruption)))
        return await super().wait(cast("PQGen[Any]", _GoesOn(gen, wanted)))

    async def _heard_from_server(self) -> None:
        loop = asyncio.get_running_loop()
        self._heard, self._socket = heard, socket = loop.create_future(), self.pgconn.socket
        loop.add_reader(socket, _tell, heard)
        try:
            await heard
        finally:
            if self._heard is heard:  # else the connection was closed, and its number may be another's
                self._heard = None
                loop.remove_reader(socket)

    async def close(self) -> None:
        """Closes the connection; whoever waits for an answer is told that there will be none."""
        heard, self._heard = self._heard, None
        if heard is not None:
            heard.get_loop().remove_reader(self._socket)
            _tell(heard)
        await super().close()


class _GoesOn:
    """A generator that has come this far: first comes again what it wanted, or what interrupted it. psycopg cancels the
    statement of one that was interrupted, and asks it to go on."""

    def __init__(self, gen: PQGen[Any], first: Wait | BaseException) -> None:
        self._gen = gen
        self._first: Wait | BaseException | None = first

    def __next__(self) -> Wait:
        first, self._first = self._first, None
        if isinstance(first, BaseException):
            raise first
        return next(self._gen) if first is None else first

    def send(self, ready: Any) -> Wait:
        return self._gen.send(ready)


def gave_rows(result: PGresult | None) -> bool:
    """Whether a statement has an answer to be fetched. A cursor's `description` would tell too, and take 15 µs."""
    return result is not None and result.status == ExecStatus.TUPLES_OK


def _tell(heard: asyncio.Future[None]) -> None:
    if not heard.done():
        heard.set_result(None)
