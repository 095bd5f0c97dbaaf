"""The floor's loop sends the statements that workers send."""

from __future__ import annotations

import psycopg
from benchmarks.floor import loop
from benchmarks.harness.database import fill


def test_the_loop_drains_what_there_is(database_url: str) -> None:
    fill(database_url, 30)
    assert loop.drain(database_url, 20).tasks == 30
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM rowlock.executions").fetchall() == [(30,)]
