"""A connection as the store sees it: it runs statements by name, in binary, and speaks the domain's errors."""

from __future__ import annotations

import json
import re
import select
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Protocol

import orjson
import psycopg
from psycopg import AsyncConnection
from psycopg.pq import TransactionStatus
from psycopg.rows import AsyncRowFactory, dict_row, tuple_row
from psycopg.types.json import set_json_dumps, set_json_loads

from rowlock.domain.errors import ConfigurationError, DatabaseUnavailable
from rowlock.domain.trouble import Trouble
from rowlock.store.arrays import register_arrays
from rowlock.store.connections import Connection, Row, gave_rows
from rowlock.store.errors import lost_in_flight, translated
from rowlock.store.races import lost_race, racing
from rowlock.store.statements import Statement, statement

# A peer that vanished without a word is noticed within about 20 s instead of hours.
KEEPALIVES = {"keepalives_idle": 5, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 20_000}
_UNKNOWN_PARAMETER = re.compile(r'invalid URI query parameter: "(.+)"')


class Runner(Protocol):
    """Whatever runs a statement by name: a pool or one connection."""

    async def run(self, name: str, parameters: Mapping[str, Any] | None = None) -> list[Row]: ...


class Link:
    """One PostgreSQL connection, in autocommit unless inside `transaction()`."""

    def __init__(self, connection: Connection, schema: str) -> None:
        self.connection = connection
        self.schema = schema
        self.ordered_scans = False
        self._left_behind = False

    @property
    def pooled(self) -> bool:
        """Whether a pooler stands between, and what a session is told may reach another."""
        return self.connection.pooled

    def run(self, name: str, parameters: Mapping[str, Any] | None = None) -> Coroutine[Any, Any, list[Row]]:
        """Rows of the named statement; none where it returns none."""
        return self.query(statement(name, self.schema), parameters)

    async def query(
        self,
        sql: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        row_factory: AsyncRowFactory[Any] = tuple_row,
    ) -> list[Any]:
        """Rows of SQL made by this room; outside a transaction, a race that was lost is run again at once."""
        try:
            return await self._ask(sql, parameters, row_factory)
        except Exception as error:  # noqa: BLE001 - only a failure goes by way of all that failures need
            return await self._after(error, sql, parameters, row_factory)

    async def records(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Rows as mappings, for what is shown rather than worked on."""
        return await self.query(sql, parameters, row_factory=dict_row)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """One transaction for the block's statements; `OutcomeUnknown` where its COMMIT was not answered."""
        try:
            with translated(), self._watched():
                async with self.connection.transaction():
                    yield
        finally:
            await self._leave_read_only_server()

    async def _after(
        self, failure: Exception, sql: str, parameters: Mapping[str, Any] | None, row_factory: AsyncRowFactory[Any]
    ) -> list[Any]:
        """Runs again what has lost a race; raises what has failed otherwise, in the domain's words."""
        try:
            with translated(), self._watched():
                raise failure
        except DatabaseUnavailable as error:
            if error.trouble is Trouble.READ_ONLY:
                self._left_behind = True
            if self._in_transaction:
                raise
            await self._leave_read_only_server()
            if not lost_race(error):
                raise
        async for attempt in racing(tried=1):
            with attempt, translated(), self._watched():
                return await self._ask(sql, parameters, row_factory)
        raise AssertionError("trying ends with rows or an error")

    def _ask(
        self, sql: str, parameters: Mapping[str, Any] | None, row_factory: AsyncRowFactory[Any]
    ) -> Coroutine[Any, Any, list[Any]]:
        if isinstance(sql, Statement) and not self.pooled:
            return self.connection.perform(sql, parameters)
        return self._ask_by_cursor(sql, parameters, row_factory)

    async def _ask_by_cursor(
        self, sql: str, parameters: Mapping[str, Any] | None, row_factory: AsyncRowFactory[Any]
    ) -> list[Any]:
        cursor = self.connection.cursor(binary=True, row_factory=row_factory)
        await cursor.execute(sql, parameters)
        return await cursor.fetchall() if gave_rows(cursor.pgresult) else []

    @property
    def _in_transaction(self) -> bool:
        return self.connection.info.transaction_status in (TransactionStatus.INTRANS, TransactionStatus.INERROR)

    async def _leave_read_only_server(self) -> None:
        """Ends the connection to a server that takes no writes any more: the next goes to whichever host does."""
        if self._left_behind:
            await self.connection.close()

    @contextmanager
    def _watched(self) -> Iterator[None]:
        try:
            yield
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            unknown = lost_in_flight(error) if self.broken else None
            if unknown is None:
                raise
            raise unknown from error

    @property
    def closed(self) -> bool:
        """Whether the session is known to be over."""
        return self.connection.closed

    @property
    def broken(self) -> bool:
        """Whether the session is over, by all that has arrived from the server. Asks the operating system."""
        return self.connection.closed or self.connection.broken or self._has_heard_its_end()

    def _has_heard_its_end(self) -> bool:
        if not has_heard(self.connection):
            return False
        try:
            self.connection.pgconn.consume_input()
        except psycopg.OperationalError:
            return True
        return self.connection.broken

    async def close(self) -> None:
        await self.connection.close()


def has_heard(connection: AsyncConnection[Any] | psycopg.Connection[Any]) -> bool:
    """Whether something lies unread at an idle connection, such as the server's last word. Asks nobody."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def is_pooled(connection: AsyncConnection[Any] | psycopg.Connection[Any], backend_pid: int) -> bool:
    """Whether a pooler stands between: PgBouncer makes up the process id that it announces."""
    return connection.info.backend_pid != backend_pid


async def connect(url: str, schema: str, *, connect_seconds: float, name: str = "rowlock") -> Link:
    """A connection of one's own, for claims, finishes, LISTEN or a lock; `DatabaseUnavailable` where there is none."""
    with translated():
        connection = await Connection.connect(
            url,
            autocommit=True,
            connect_timeout=max(2, round(connect_seconds)),
            application_name=name,
            **connection_options(url),
        )
        try:
            await prepare_connection(connection)
        except BaseException:  # a cancellation too: nobody else would ever close it
            await connection.close()
            raise
    return Link(connection, schema)


async def prepare_connection(connection: Connection) -> None:
    """Sets JSON by orjson, and finds out about a pooler (older PgBouncers lose prepared statements)."""
    set_json_loads(load_json, connection)
    set_json_dumps(orjson.dumps, connection)
    register_arrays(connection)
    rows = await (await connection.execute("SELECT pg_backend_pid()")).fetchone()
    assert rows is not None
    connection.prepare_threshold = None
    connection.pooled = is_pooled(connection, rows[0])


def load_json(text: bytes | str) -> Any:
    """JSON as the database has it. SQL stores numbers that orjson refuses to read, such as 1e400: they become infinite,
    for a row that is not like others must not keep those from being read."""
    try:
        return orjson.loads(text)
    except ValueError:
        return json.loads(text)


def connection_options(url: str) -> dict[str, Any]:
    """What a connection is made with where the URL says nothing of it: keepalives, and of several hosts the primary."""
    given = read_url(url)
    options: dict[str, Any] = dict(KEEPALIVES)
    if "," in str(given.get("host") or given.get("hostaddr") or ""):
        options["target_session_attrs"] = "read-write"
    return {name: value for name, value in options.items() if name not in given}


def read_url(url: str) -> dict[str, Any]:
    """What libpq reads in a URL; `ConfigurationError` where it cannot. Its own words may quote the password."""
    try:
        given = psycopg.conninfo.conninfo_to_dict(url)
        psycopg.conninfo.timeout_from_conninfo(given)
    except psycopg.ProgrammingError as error:
        unknown = _UNKNOWN_PARAMETER.search(str(error))
        if unknown and "@" not in url.partition("?")[2]:  # else the password may be what has the question mark
            why = f"libpq, PostgreSQL's client library, has no parameter {unknown[1]!r}"
        elif "connect_timeout" in str(error):
            why = "its connect_timeout is not a number of seconds"
        else:
            why = "write what is special in a name or password as %XX, such as %25 for %, %40 for @ and %2F for /"
        raise ConfigurationError(f"The database's URL cannot be read: {why}.") from None
    return given


def column_lists(rows: Sequence[Sequence[Any]], width: int) -> list[list[Any]]:
    """Rows turned into one list a column, as `unnest` takes them."""
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]
