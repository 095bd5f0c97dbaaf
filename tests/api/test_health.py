"""Health, metrics, and the API while its database is away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlencode

import httpx
import psycopg
import pytest
from psycopg import sql
from tests.api.served import Served, assert_problem, serving
from tests.harness.eventually import eventually
from tests.harness.impatience import impatient
from tests.harness.installation import settings_for

from rowlock.api.app import create_app
from rowlock.engine.diagnose import diagnose
from rowlock.store.database import Database
from rowlock.testing.servers import Server


async def test_a_healthy_api_says_so_to_anybody(api: Served) -> None:
    anybody = await api.client_with(None)
    for path in ("/health/live", "/health/ready"):
        answer = await anybody.get(path)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok", "reasons": []})
        assert (await anybody.head(path)).status_code == 200


async def test_a_database_that_is_not_migrated_makes_it_unready(empty_database_url: str) -> None:
    async with Database(settings_for(empty_database_url)) as database:
        app = create_app(database.settings, database=database)
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://rowlock.test") as client:
            assert (await client.get("/health/live")).status_code == 200
            document = assert_problem(await client.get("/health/ready"), 503, "not-ready")
            assert "rowlock migrate" in document["reasons"][0]
            refused = await client.get("/v1/tasks", headers={"Authorization": "Bearer rlk_0_0"})
            assert_problem(refused, 503, "schema-outdated")
            assert (await client.get("/metrics")).status_code == 200


@contextmanager
def away(server: Server, url: str) -> Iterator[None]:
    """Cuts all connections to the database, and lets no new ones in."""
    name = str(psycopg.conninfo.conninfo_to_dict(url)["dbname"])
    with psycopg.connect(server.admin_url, autocommit=True) as admin:
        door = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
        admin.execute(door.format(sql.Identifier(name), sql.SQL("false")))
        admin.execute("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s", (name,))
        try:
            yield
        finally:
            admin.execute(door.format(sql.Identifier(name), sql.SQL("true")))


async def test_it_says_when_the_database_is_away_and_goes_on_by_itself(server: Server, database_url: str) -> None:
    async with serving(database_url) as api:
        task_id = await api.enqueue()
        with away(server, database_url), impatient(api.database):
            for method, path in [("GET", f"/v1/tasks/{task_id}"), ("POST", "/v1/tasks"), ("GET", "/v1/queues")]:
                refused = await api.client.request(method, path, json={"name": "a"} if method == "POST" else None)
                document = assert_problem(refused, 503, "database-unavailable")
                assert refused.headers["retry-after"] == "2"
                assert "connection" not in document["detail"]  # the driver's words name hosts and users
            assert (await api.client.get("/health/live")).status_code == 200
            assert_problem(await api.client.get("/health/ready"), 503, "not-ready")
            assert (await api.client.get("/metrics")).status_code == 200

        async def back() -> bool:
            return (await api.client.get(f"/v1/tasks/{task_id}")).status_code == 200

        await eventually(back)
        assert (await api.client.get("/health/ready")).status_code == 200
        assert await api.count_tasks() == 1


def naming_its_host_twice(url: str) -> str:
    given = psycopg.conninfo.conninfo_to_dict(url)
    several = {**given, **{name: f"{given[name]},{given[name]}" for name in ("host", "port") if name in given}}
    return f"postgresql://?{urlencode(several)}"


def turn_read_only(url: str) -> None:
    """As a failover to a standby does: sessions end, and new ones take no writes."""
    with psycopg.connect(url, autocommit=True) as connection:
        name = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(name))
        connection.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


async def test_a_host_that_turns_read_only_serves_reads_where_it_is_the_only_one(database_url: str) -> None:
    async with serving(database_url) as api:
        task_id = await api.enqueue()
        turn_read_only(database_url)
        assert (await api.client.get(f"/v1/tasks/{task_id}")).status_code == 200
        assert_problem(await api.client.post("/v1/tasks", json={"name": "a"}), 503, "database-unavailable")
        ready = await api.client.get("/health/ready")
        assert (ready.status_code, ready.json()["status"]) == (200, "degraded")


async def test_of_several_hosts_none_serves_reads_that_takes_no_writes(database_url: str) -> None:
    async with serving(naming_its_host_twice(database_url)) as api:
        task_id = await api.enqueue()
        turn_read_only(database_url)
        with impatient(api.database):
            assert_problem(await api.client.get(f"/v1/tasks/{task_id}"), 503, "database-unavailable")
            assert_problem(await api.client.get("/health/ready"), 503, "not-ready")
            [finding] = await diagnose(api.database)
        assert (finding.check, finding.verdict) == ("connection", "problem")


async def test_metrics_tell_of_requests_and_queues_but_not_of_tenants(api: Served) -> None:
    await api.client.post("/v1/tasks", json={"name": "mail.send", "queue": "metrics-q"})
    await api.enqueue(tenant="secret-tenant", queue="metrics-q")
    await api.client.get("/v1/tasks/7")
    await api.client.get("/nowhere/to/be/found")

    answer = await (await api.client_with(None)).get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain")
    lines = answer.text.splitlines()
    assert 'rowlock_queue_depth{queue="metrics-q",status="ready"} 2.0' in lines
    assert 'rowlock_tasks_submitted_total{name="mail.send",queue="metrics-q",source="rest"} 1.0' in lines
    assert any('method="GET",route="/v1/tasks/{task_id}",status="422"' in line for line in lines)
    assert any('route="unmatched",status="404"' in line for line in lines)
    [asked] = [line for line in lines if line.startswith('rowlock_pool_requests_total{pool="api"}')]
    assert float(asked.split()[1]) > 0
    assert "secret-tenant" not in answer.text
    assert "nowhere" not in answer.text


@pytest.mark.parametrize("path", ["/", "/js/app.js", "/docs/assets/swagger-ui.css"])
async def test_files_are_counted_as_such_and_kept_out_of_the_log(
    api: Served, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    with caplog.at_level("DEBUG", "rowlock.access"):
        assert (await api.client.get(path)).status_code == 200
        assert (await api.client.get("/js/nowhere.js")).status_code == 404

    assert [record.levelname for record in caplog.records if record.name == "rowlock.access"] == ["DEBUG", "INFO"]
    lines = (await api.client.get("/metrics")).text.splitlines()
    assert any('method="GET",route="static",status="200"' in line for line in lines)
    assert not any('route="static",status="404"' in line for line in lines)


async def test_metrics_read_the_database_at_most_every_few_seconds(
    api: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = 0
    board = api.app.state.services.queues
    count = board.snapshots

    async def counted() -> object:
        nonlocal read
        read += 1
        return await count()

    monkeypatch.setattr(type(board), "snapshots", lambda _: counted())
    for _ in range(5):
        assert (await api.client.get("/metrics")).status_code == 200
    assert read == 1
