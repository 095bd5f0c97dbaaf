"""Stops an operation for real at each lock it takes that another could want.

Every table whose rows are fought over gets a row trigger that counts the rows its session is about to write: PostgreSQL
has locked a row when the trigger of its UPDATE or DELETE runs, and has reserved nothing yet when that of an INSERT
runs. A session that was told to stop at the n-th says so and waits there, in the middle of its statement, with all the
locks that it has by then, until the gate is opened. Rows that are merely appended (history, attempts, the audit log)
have no gate.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from psycopg.errors import Diagnostic
from tests.harness.scripts import run_script

from rowlock.store.links import Link

GATE = "pg_advisory_lock(1919, 1)"
EVERY_WRITE = "INSERT OR UPDATE OR DELETE"
GATES = {
    "tasks": "UPDATE OR DELETE",
    "tasks_live": "INSERT",
    "steps": "INSERT OR UPDATE",
    **dict.fromkeys(
        ("idempotency_keys", "leaders", "limits", "queues", "schedule_windows", "schedules", "workers"), EVERY_WRITE
    ),
}
SCHEMA = """
CREATE SCHEMA gates;
CREATE FUNCTION gates.pass() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    stop_at text := current_setting('gates.stop_at', true);
    step    integer;
BEGIN
    IF stop_at <> '' THEN
        step := current_setting('gates.step')::integer + 1;
        PERFORM set_config('gates.step', step::text, false);
        IF step = stop_at::integer THEN
            RAISE NOTICE 'at the gate';
            PERFORM pg_advisory_lock_shared(1919, 1), pg_advisory_unlock_shared(1919, 1);
        END IF;
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
"""
TRIGGER = """
CREATE TRIGGER gate_{name} BEFORE {writes} ON rowlock.{table} FOR EACH ROW EXECUTE FUNCTION gates.pass();
"""
NEVER = 1_000


async def install_gates(link: Link) -> None:
    """Gives a database its gates; nobody stops at them who was not told to."""
    triggers = [TRIGGER.format(name=f"of_{table}", table=table, writes=writes) for table, writes in GATES.items()]
    await run_script(link, SCHEMA + "".join(triggers))


async def close_gate(keeper: Link, at: Link, *, step: int) -> None:
    """From now on the session `at` stops when it is about to write its `step`-th row."""
    await keeper.query(f"SELECT {GATE}")
    await at.query(
        "SELECT set_config('gates.step', '0', false), set_config('gates.stop_at', %(step)s, false)", {"step": str(step)}
    )


async def open_gate(keeper: Link) -> None:
    await keeper.query("SELECT pg_advisory_unlock_all()")


@contextmanager
def told_at_gate(at: Link, arrived: asyncio.Event) -> Iterator[None]:
    """Sets the event when the session stands at its gate."""

    def notice(_: Diagnostic) -> None:
        arrived.set()

    at.connection.add_notice_handler(notice)
    try:
        yield
    finally:
        at.connection.remove_notice_handler(notice)


async def steps_taken(at: Link) -> int:
    """How many rows the session has written since its gate was closed."""
    rows = await at.query("SELECT current_setting('gates.step')::integer")
    return int(rows[0][0])


async def ended_or_waiting(ended: Callable[[], bool], at: Link, watch: Link) -> None:
    """Returns once the session's operation has ended or waits for a lock."""
    while not ended():
        waits = await watch.query(
            "SELECT true FROM pg_stat_get_activity(%(pid)s) WHERE wait_event_type = 'Lock'",
            {"pid": at.connection.info.backend_pid},
        )
        if waits:
            return
