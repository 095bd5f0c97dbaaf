"""Worker, scheduler and API while their database is harmed in every way: they go on, say what ails, and recover."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta

import psycopg
import pytest
from tests.api.served import assert_problem
from tests.harness.eventually import eventually
from tests.harness.figures import figure
from tests.harness.server import PostgresServer
from tests.harness.services import Services

SOON = timedelta(seconds=30)


@contextmanager
def restarted(server: PostgresServer) -> Iterator[None]:
    server.stop()
    yield
    server.start()


@contextmanager
def postmaster_killed(server: PostgresServer) -> Iterator[None]:
    server.kill()
    yield
    server.start()


@contextmanager
def backend_killed(server: PostgresServer) -> Iterator[None]:
    server.kill_backend("rowlock worker%")
    yield
    server.wait_until_it_answers()


@contextmanager
def sessions_terminated(server: PostgresServer) -> Iterator[None]:
    server.terminate_backends()
    yield


@contextmanager
def connections_exhausted(server: PostgresServer) -> Iterator[None]:
    with server.exhausted():
        yield


@contextmanager
def read_only(server: PostgresServer) -> Iterator[None]:
    server.configure(default_transaction_read_only="on")
    yield
    server.configure(default_transaction_read_only=None)


@contextmanager
def _tasks_locked(server: PostgresServer, setting: str) -> Iterator[None]:
    """Somebody holds the live tasks, and the role's sessions wait no longer than the setting says."""
    server.query(f"ALTER ROLE rowlock SET {setting} = '200ms'")
    with psycopg.connect(server.admin_url) as other:
        other.execute("LOCK TABLE rowlock.tasks_live IN ACCESS EXCLUSIVE MODE")
        server.terminate_backends()
        yield
    server.query(f"ALTER ROLE rowlock RESET {setting}")


@contextmanager
def locked(server: PostgresServer) -> Iterator[None]:
    with _tasks_locked(server, "lock_timeout"):
        yield


@contextmanager
def statements_given_up(server: PostgresServer) -> Iterator[None]:
    with _tasks_locked(server, "statement_timeout"):
        yield


@contextmanager
def rights_revoked(server: PostgresServer) -> Iterator[None]:
    """As they are from an owner who revokes them from itself too."""
    server.query("REVOKE INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA rowlock FROM rowlock")
    yield
    server.query("GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA rowlock TO rowlock")


@contextmanager
def schema_closed(server: PostgresServer) -> Iterator[None]:
    server.query("REVOKE USAGE ON SCHEMA rowlock FROM rowlock")
    yield
    server.query("GRANT USAGE ON SCHEMA rowlock TO rowlock")


@dataclass(frozen=True)
class Harm:
    """What is done to the server, and how those who suffer from it call it (None where it is over in a moment)."""

    of: Callable[[PostgresServer], AbstractContextManager[None]]
    kind: str | None = None
    says: str = ""
    readable: bool = False

    def __str__(self) -> str:
        return self.of.__name__


QUICK = [
    Harm(postmaster_killed, "unreachable", "cannot be reached"),
    Harm(backend_killed),
    Harm(read_only, "read-only", "takes no writes", readable=True),
    Harm(rights_revoked, "access-refused", "lacks a right: permission denied for table", readable=True),
    Harm(schema_closed, "access-refused", "lacks a right: permission denied for schema rowlock"),
]
SLOW = [
    Harm(connections_exhausted, "too-many-connections", "no connection left"),
    Harm(restarted, "unreachable", "cannot be reached"),
    Harm(sessions_terminated),
    Harm(locked, "lock-timeout", "lock could not be had", readable=True),
    Harm(statements_given_up, "statement-timeout", "given up", readable=True),
]
HARMS = [*QUICK, *(pytest.param(harm, marks=pytest.mark.faults) for harm in SLOW)]


@pytest.mark.parametrize("harm", HARMS, ids=str)
async def test_all_go_on_say_what_ails_and_recover(postgres: PostgresServer, harm: Harm) -> None:
    async with Services(postgres.url).running() as services:
        held = await services.posted("hold")
        await eventually(lambda: held in {str(task) for task, _ in services.begun})
        await eventually(lambda: services.scheduler.epoch)
        done = harm.of(postgres)
        await asyncio.to_thread(done.__enter__)
        if harm.kind:
            await ailing(services, harm)
        await asyncio.to_thread(done.__exit__, None, None, None)
        await recovered(services, held)
        assert len([task for task, _ in services.begun if str(task) == held]) == 1


async def ailing(services: Services, harm: Harm) -> None:
    """Each of the three says so, and none gives up."""
    said = re.compile(harm.says)
    errors_before = errors_of(harm)
    await eventually(lambda: said.search(services.worker.health[1] or ""), within=SOON)
    assert services.worker.health[0] == "degraded"
    await eventually(lambda: said.search(" ".join(services.scheduler.health().reasons)), within=SOON)
    assert services.scheduler.health().live
    refused = await services.post()
    assert_problem(refused, 503, "database-unavailable")
    assert refused.headers["Retry-After"] == "2"
    assert (await services.client.get("/health/live")).status_code == 200
    ready = await services.client.get("/health/ready")
    assert ready.status_code == (200 if harm.readable else 503)
    assert ready.json()["reasons"]
    await eventually(lambda: errors_of(harm) > errors_before, within=SOON)
    assert figure("database_trouble", part="worker", kind=harm.kind or "") == 1
    assert figure("database_trouble_seconds_total", part="worker") > 0


async def recovered(services: Services, held: str) -> None:
    """A new task is claimed, a new window fires, what was held ends in its attempt, and all say they are well."""
    back_at = time.monotonic()
    fresh = await services.posted()
    await eventually(lambda: fresh in {str(task) for task, _ in services.begun}, within=SOON)
    print(f"first claim {time.monotonic() - back_at:.2f} s after the database was back")  # noqa: T201
    windows = figure("schedule_windows_total", outcome="fired")
    await eventually(lambda: figure("schedule_windows_total", outcome="fired") > windows, within=SOON)
    services.release.set()

    async def all_done() -> bool:
        tasks = [await services.task(task) for task in services.acknowledged]
        return all(task.get("status") == "succeeded" for task in tasks)

    await eventually(all_done, within=SOON)
    assert (await services.task(held))["attempt"] == 1
    await eventually(lambda: services.worker.health == ("healthy", None), within=SOON)
    await eventually(lambda: services.scheduler.health().reasons == (), within=SOON)

    async def api_is_well() -> bool:
        return (await services.client.get("/health/ready")).json() == {"status": "ok", "reasons": []}

    await eventually(api_is_well, within=SOON)


def errors_of(harm: Harm) -> float:
    return figure("database_errors_total", kind=harm.kind or "")
