"""Sessions: ended, exhausted, locked out, refused in midst of their work, and one that will not end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, suppress

import psycopg
from psycopg import sql
from tests.harness.nemesis.faults import server_fault
from tests.harness.nemesis.scene import Scene

WAKE_UPS = "rowlock worker wake-ups"
CHANGES = 20
REFUSED_TABLES = ("tasks_live", "executions", "workers")
REFUSAL = """
CREATE SCHEMA IF NOT EXISTS nemesis;
GRANT USAGE ON SCHEMA nemesis TO PUBLIC;
CREATE SEQUENCE IF NOT EXISTS nemesis.statements;
GRANT USAGE ON SEQUENCE nemesis.statements TO PUBLIC;
CREATE OR REPLACE FUNCTION nemesis.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF get_byte(sha256(convert_to({seed} || nextval('nemesis.statements'), 'UTF8')), 0) < 64 THEN
        RAISE EXCEPTION 'refused by the nemesis' USING ERRCODE = {state};
    END IF;
    RETURN NULL;
END $$;
"""
TRIGGER = """
CREATE OR REPLACE TRIGGER nemesis_refuses AFTER INSERT OR UPDATE OR DELETE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION nemesis.refuse()
"""


@server_fault("sessions terminated", tells="`pg_terminate_backend` of every session of rowlock")
async def sessions_terminated(scene: Scene) -> AsyncIterator[None]:
    await asyncio.to_thread(scene.server.terminate_backends)
    yield
    await asyncio.to_thread(scene.server.terminate_backends)


@server_fault("NOTIFY lost", tells="LISTEN sessions ended as soon as they are there, so that wake-ups are lost")
async def notify_lost(scene: Scene) -> AsyncIterator[None]:
    async def again_and_again() -> None:
        while True:
            with suppress(psycopg.OperationalError):
                await asyncio.to_thread(scene.server.terminate_backends, WAKE_UPS)
            await asyncio.sleep(0.1)

    async with scene.doing(again_and_again):
        yield


@server_fault("connections exhausted", tells="`max_connections` held by others")
async def connections_exhausted(scene: Scene) -> AsyncIterator[None]:
    held = await asyncio.to_thread(_exhaust, scene)
    try:
        yield
    finally:
        await asyncio.to_thread(held.__exit__, None, None, None)


@server_fault("pools exhausted", tells="a lock on the live tasks, so that every pooled connection waits")
async def pools_exhausted(scene: Scene) -> AsyncIterator[None]:
    async with await scene.connect() as connection:
        await connection.execute("LOCK TABLE rowlock.tasks_live IN ACCESS EXCLUSIVE MODE")
        yield
        await connection.rollback()


@server_fault("rows locked", tells="a transaction that locks live tasks crosswise, up to real deadlocks")
async def rows_locked(scene: Scene) -> AsyncIterator[None]:
    async def again_and_again() -> None:
        while True:
            with suppress(psycopg.OperationalError):
                await _lock_crosswise(scene)
            await asyncio.sleep(0.05)

    await asyncio.to_thread(lambda: scene.server.configure(deadlock_timeout="50ms"))
    async with scene.doing(again_and_again):
        yield
    await asyncio.to_thread(lambda: scene.server.configure(deadlock_timeout=None))


@server_fault("xmin pinned", tells="a repeatable-read transaction left open, which keeps dead rows alive")
async def xmin_pinned(scene: Scene) -> AsyncIterator[None]:
    async with await scene.connect() as connection:
        await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
        await connection.execute("SELECT count(*) FROM rowlock.tasks")
        yield
        await connection.rollback()


@server_fault("serialization failures", tells="a quarter of all writes refused with 40001")
async def serialization_failures(scene: Scene) -> AsyncIterator[None]:
    await _refuse(scene, "40001")
    yield
    await _refuse_no_longer(scene)


@server_fault("deadlocks", tells="a quarter of all writes refused with 40P01")
async def deadlocks(scene: Scene) -> AsyncIterator[None]:
    await _refuse(scene, "40P01")
    yield
    await _refuse_no_longer(scene)


@server_fault("lock timeouts", tells="a quarter of all writes refused with 55P03")
async def lock_timeouts(scene: Scene) -> AsyncIterator[None]:
    await _refuse(scene, "55P03")
    yield
    await _refuse_no_longer(scene)


def _exhaust(scene: Scene) -> AbstractContextManager[None]:
    """Tries again where others were so quick that not even a connection for the superuser was left."""
    for _ in range(50):
        held = scene.server.exhausted()
        with suppress(psycopg.OperationalError):
            held.__enter__()
            return held
    raise AssertionError("The connections could not be exhausted.")


async def _refuse(scene: Scene, state: str) -> None:
    """Which statements are refused depends on the seed and on how many there were, not on chance."""
    seed = str(scene.draw.random())
    async with await scene.connect(autocommit=True) as connection:
        await connection.execute(sql.SQL(REFUSAL).format(seed=sql.Literal(seed), state=sql.Literal(state)))
    for table in REFUSED_TABLES:
        await _change_table(scene, sql.SQL(TRIGGER).format(table=sql.Identifier("rowlock", table)))


async def _refuse_no_longer(scene: Scene) -> None:
    for table in REFUSED_TABLES:
        await _change_table(
            scene, sql.SQL("DROP TRIGGER IF EXISTS nemesis_refuses ON {}").format(sql.Identifier("rowlock", table))
        )


async def _change_table(scene: Scene, change: sql.Composed) -> None:
    """It needs the table for itself: the lock may have to be asked for again, as rowlock's own come first."""
    for _ in range(CHANGES):
        with suppress(psycopg.OperationalError):
            async with await scene.connect(autocommit=True) as connection:
                await connection.execute(change)
                return
    raise AssertionError(f"{change!r} found no gap between the other locks.")


async def _lock_crosswise(scene: Scene) -> None:
    async with await scene.connect() as connection:
        rows = await (await connection.execute("SELECT id FROM rowlock.tasks_live LIMIT 50")).fetchall()
        for (task_id,) in scene.draw.sample(rows, min(10, len(rows))):
            await connection.execute("SELECT FROM rowlock.tasks_live WHERE id = %s FOR UPDATE", (task_id,))
        await connection.rollback()
