"""Listening: payloads reach whoever listens as they come, and the end of it reaches whoever waits for that."""

from __future__ import annotations

import pytest
from tests.harness.eventually import eventually
from tests.harness.installation import Installation

from rowlock.domain.errors import DatabaseUnavailable
from rowlock.store.listening import listen

NOTIFY = "SELECT pg_notify(rowlock.wake_channel(), %(payload)s)"
LISTENING = "FROM pg_stat_activity WHERE application_name LIKE '%% wake-ups' AND datname = current_database()"


async def nobody_listens(here: Installation) -> bool:
    return (await here.query(f"SELECT count(*) {LISTENING}")) == [(0,)]


async def test_payloads_come_in_order_many_at_once_too(here: Installation) -> None:
    heard: list[str] = []
    async with listen(here.database, heard.append) as broken:
        assert broken is not None
        await here.query(NOTIFY, {"payload": "first ä"})
        await eventually(lambda: heard == ["first ä"])
        await here.query("SELECT pg_notify(rowlock.wake_channel(), n::text) FROM generate_series(1, 500) AS n")
        await eventually(lambda: len(heard) == 501)
    assert heard[1:] == [str(n) for n in range(1, 501)]


async def test_who_waits_is_told_that_the_connection_broke(here: Installation) -> None:
    async with listen(here.database, lambda _: None) as broken:
        assert broken is not None
        [[ended]] = await here.query(f"SELECT count(pg_terminate_backend(pid)) {LISTENING}")
        assert ended == 1
        with pytest.raises(DatabaseUnavailable):
            await broken


async def test_what_cannot_be_taken_is_logged_and_keeps_nothing_from_being_heard(
    here: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[str] = []

    def refuse(payload: str) -> None:
        heard.append(payload)
        if payload == "x":
            raise LookupError(payload)

    async with listen(here.database, refuse) as broken:
        assert broken is not None
        for payload in ("x", "y"):
            await here.query(NOTIFY, {"payload": payload})
        await eventually(lambda: heard == ["x", "y"])
        assert "LookupError" in caplog.text


async def test_nothing_is_read_any_more_once_it_is_left(here: Installation) -> None:
    heard: list[str] = []
    async with listen(here.database, heard.append):
        await here.query(NOTIFY, {"payload": "in time"})
        await eventually(lambda: heard == ["in time"])
    await eventually(lambda: nobody_listens(here))
    await here.query(NOTIFY, {"payload": "too late"})
    assert heard == ["in time"]
