"""A connection that performs rowlock's statements: prepared once, whatever happens between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest
from tests.harness.eventually import eventually

from rowlock.store.connections import Connection
from rowlock.store.links import Link, connect
from rowlock.store.statements import Statement

ADD = Statement("SELECT %(a)s + %(b)s")
NAP = Statement("SELECT pg_sleep(%(seconds)s::double precision)")
LENGTH = Statement("SELECT length(%(text)s::text)")
STORE = Statement("INSERT INTO kept (number) VALUES (%(number)s)")
KEPT = Statement("SELECT * FROM kept")


@pytest.fixture
async def link(database_url: str) -> AsyncIterator[Link]:
    link = await connect(database_url, "rowlock", connect_seconds=5)
    await link.query("CREATE TEMPORARY TABLE kept (number integer UNIQUE)")
    yield link
    await link.close()


@pytest.fixture
def connection(link: Link) -> Connection:
    return link.connection


async def prepared(link: Link) -> int:
    return (await link.query("SELECT count(*)::int FROM pg_prepared_statements"))[0][0]


async def test_what_comes_again_is_prepared_once_for_each_combination_of_types(
    connection: Connection, link: Link
) -> None:
    for wanted in (0, 2, 2):
        assert await connection.perform(ADD, {"b": 1, "a": 2, "unused": 3}) == [(3,)]
        assert await connection.perform(ADD, {"b": 1, "a": 2**40}) == [(2**40 + 1,)]
        assert await prepared(link) == wanted


async def test_a_statement_without_rows_answers_none(connection: Connection) -> None:
    assert await connection.perform(STORE, {"number": 1}) == []
    assert await connection.perform(KEPT) == [(1,)]


async def test_more_than_a_socket_takes_at_once_arrives(connection: Connection) -> None:
    assert await connection.perform(LENGTH, {"text": "x" * 50_000_000}) == [(50_000_000,)]


async def test_an_error_is_psycopgs_and_costs_no_preparation(connection: Connection, link: Link) -> None:
    for _ in range(3):
        await connection.perform(KEPT)
        with pytest.raises(psycopg.errors.DivisionByZero):
            await connection.perform(Statement("SELECT 1 / %(by)s"), {"by": 0})
    assert await prepared(link) == 2


async def test_statements_outlive_a_transaction_that_is_rolled_back(connection: Connection, link: Link) -> None:
    await connection.perform(STORE, {"number": 1})
    async with link.transaction():
        await connection.perform(STORE, {"number": 2})
        await link.query("SELECT count(*) FROM kept")
        raise psycopg.Rollback
    await connection.perform(STORE, {"number": 3})
    assert await connection.perform(KEPT) == [(1,), (3,)]


async def test_a_cancelled_statement_ends_in_the_server_too(connection: Connection, database_url: str) -> None:
    napping = asyncio.create_task(connection.perform(NAP, {"seconds": 600}))
    backend = connection.info.backend_pid
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as watching:

        async def state() -> str:
            found = await watching.execute("SELECT state FROM pg_stat_activity WHERE pid = %s", [backend])
            row = await found.fetchone()
            return row[0] if row else "gone"

        async def naps() -> bool:
            return await state() == "active"

        await eventually(naps)
        napping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await napping
        assert await state() == "idle"
    assert await connection.perform(ADD, {"a": 1, "b": 1}) == [(2,)]


async def test_a_table_that_was_changed_is_met_by_preparing_anew(connection: Connection, link: Link) -> None:
    for _ in range(2):
        await connection.perform(KEPT)
    await link.query("ALTER TABLE kept ADD COLUMN more text")
    with pytest.raises(psycopg.errors.FeatureNotSupported):
        await connection.perform(KEPT)
    assert await connection.perform(KEPT) == []


async def test_what_was_deallocated_is_prepared_anew(connection: Connection, link: Link) -> None:
    for _ in range(2):
        await connection.perform(KEPT)
    await link.query("DEALLOCATE ALL")
    with pytest.raises(psycopg.errors.InvalidSqlStatementName):
        await connection.perform(KEPT)
    assert await connection.perform(KEPT) == []


async def test_a_connection_that_is_cut_says_so(connection: Connection, database_url: str) -> None:
    await connection.perform(KEPT)
    napping = asyncio.create_task(connection.perform(NAP, {"seconds": 600}))
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as other:
        await other.execute("SELECT pg_terminate_backend(%s)", [connection.info.backend_pid])
    with pytest.raises(psycopg.OperationalError):
        await napping
    with pytest.raises(psycopg.OperationalError):
        await connection.perform(KEPT)


async def test_who_waits_when_it_is_closed_is_told(connection: Connection) -> None:
    napping = asyncio.create_task(connection.perform(NAP, {"seconds": 600}))
    await asyncio.sleep(0)
    await connection.close()
    assert (await asyncio.wait([napping], timeout=20))[0]
    assert isinstance(napping.exception(), psycopg.OperationalError)


async def test_who_listens_when_it_is_closed_is_told(connection: Connection, link: Link) -> None:
    await link.query("LISTEN something")

    async def listen() -> None:
        async for _ in connection.notifies():
            pass

    listening = asyncio.create_task(listen())
    await asyncio.sleep(0)
    await connection.close()
    assert (await asyncio.wait([listening], timeout=20))[0]
    assert isinstance(listening.exception(), psycopg.OperationalError)
