"""How benchmarks measure: what they read of a server, what they refuse to believe, what they count."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import psycopg
import pytest
import typer
from benchmarks.cases import drain
from benchmarks.harness import costs
from benchmarks.harness.costs import Meter, family_cpu
from benchmarks.harness.database import fill, unlogged
from benchmarks.harness.programs import ProgramFailed, answer_of
from benchmarks.harness.server import BenchServer
from benchmarks.harness.stage import Stage, Unsound
from benchmarks.machine import machine
from benchmarks.subject import rest_client
from benchmarks.systems import rowlock
from psycopg import sql
from tests.harness.eventually import eventually

from benchmarks import __main__ as command


def test_settings_are_those_of_the_live_server(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        name = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("ALTER DATABASE {} SET work_mem = '9MB'").format(name))
    facts = machine(database_url, 0.1)
    assert facts["settings"]["work_mem"] == "9MB"
    assert facts["settings"]["autovacuum_naptime"]
    assert not any(name.startswith(("log_", "lc_", "unix_socket")) for name in facts["settings"])


def test_tables_that_a_crash_would_empty_are_found(database_url: str) -> None:
    assert unlogged(database_url, ()) is None
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE UNLOGGED TABLE fast (id int)")
    assert unlogged(database_url, ()) == "fast"
    assert unlogged(database_url, ("fast",)) is None


def test_a_run_without_a_record_of_its_executions_is_unsound(database_url: str, tmp_path: Path) -> None:
    place = Stage(BenchServer(database_url, None), rowlock(), database_url, tmp_path)
    place.verify(0, [])
    with pytest.raises(Unsound, match="Of 3 executions 0 are on record"):
        place.verify(0, [], executions=3)
    fill(database_url, 1)
    with pytest.raises(Unsound, match="some are left"):
        place.verify(0, [])


def test_sessions_that_do_not_end_are_told(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(costs, "SETTLING_SECONDS", 0)
    meter = Meter(database_url, None)
    with psycopg.connect(database_url), pytest.raises(ProgramFailed, match="1 sessions are still open instead of 0"):
        meter.settled()
    meter.close()


def test_a_program_that_says_nothing_has_failed(tmp_path: Path) -> None:
    with pytest.raises(ProgramFailed, match="quiet said nothing"):
        answer_of((sys.executable, "-c", "pass"), {}, tmp_path, "quiet")


def test_cpu_is_told_more_finely_than_in_ticks() -> None:
    before, until = family_cpu(os.getpid()), time.process_time() + 0.002
    while time.process_time() < until:
        pass
    spent = family_cpu(os.getpid()) - before
    assert spent >= 0.002
    assert abs(spent * costs.TICKS - round(spent * costs.TICKS)) > 1e-6


@pytest.mark.parametrize(("counts", "begun"), [((0, 0), False), ((5, 0), False), ((5, 1), True), ((10, 0), True)])
def test_a_drain_has_begun_when_every_worker_has(counts: tuple[int, ...], begun: bool) -> None:
    assert drain._begun([SimpleNamespace(count=count) for count in counts], 10) is begun  # type: ignore[misc]


def test_what_others_cannot_do_is_refused_beside_them() -> None:
    with pytest.raises(typer.BadParameter, match="Others do not do what steady measures"):
        command._chosen(["steady", "drain"], comparing=True)
    assert [case.name for case in command._chosen(["steady"], comparing=False)] == ["steady"]


class Answering(asyncio.Protocol):
    """A server that creates whatever it is sent."""

    made: list[asyncio.BaseTransport]
    ended: int

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.made.append(transport)
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._transport.write(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}")

    def connection_lost(self, exc: Exception | None) -> None:
        type(self).ended += 1


async def test_warm_connections_are_those_that_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_API_KEY", "key")
    Answering.made, Answering.ended = [], 0
    async with await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", 0) as server:
        connections = await rest_client.connect(server.sockets[0].getsockname()[1], 2)
        assert [len(await rest_client.send(connections, tasks)) for tasks in (10, 30)] == [10, 30]
        for connection in connections:
            connection.close()
        await eventually(lambda: Answering.ended == 2)
    assert len(Answering.made) == 2
