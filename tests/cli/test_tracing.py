"""Servers send their spans where the environment says."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.cli.caller import Caller
from tests.cli.supervised import program
from tests.harness.eventually import eventually_sync
from tests.harness.span_collector import Collector, collecting

APPS = "tests.cli.traced_apps"


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """One that the servers of the test are pointed to. They send at their end, else hardly ever."""
    monkeypatch.delenv("OTEL_SERVICE_NAME", raising=False)
    with collecting() as made:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", made.url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "600000")
        yield made


def test_a_request_its_task_and_what_that_enqueues_even_in_a_child_process_are_one_trace(
    cli: Caller, collector: Collector, database_url: str, tmp_path: Path
) -> None:
    key = cli.json("keys", "create", "--name", "x")["key"]
    where = {"database_url": database_url, "log_format": "json", "poll_seconds": 0.1}
    with (
        program(tmp_path / "api", "api", "--port", "0", **where) as api,
        program(tmp_path / "worker", "worker", f"{APPS}:plain", **where) as worker,
    ):
        address = api.says(r'"address": ?"(http://[^"]+)"').group(1)
        headers = {"Authorization": f"Bearer {key}"}
        httpx.post(f"{address}/v1/tasks", json={"name": "root"}, headers=headers, timeout=30).raise_for_status()
        eventually_sync(lambda: cli.json("tasks", "list", "--name", "leaf", "--status", "succeeded")["items"])
        for server in (api, worker):
            server.send(signal.SIGTERM)
            assert server.ends() == 0
    spans = {span.name: span for span in collector.spans}
    order = ["POST /v1/tasks", "process root", "send branch", "process branch", "process leaf"]
    assert [spans[name].service for name in order] == ["rowlock-api"] + ["rowlock-worker"] * 4
    assert len({spans[name].trace for name in order}) == 1
    assert [spans[name].parent for name in order] == ["", *(spans[name].id for name in order[:-1])]


def test_an_application_that_sets_up_its_own_tracing_keeps_it(
    cli: Caller, collector: Collector, database_url: str, tmp_path: Path
) -> None:
    """Even where it does so as late as in its lifespan."""
    cli.json("enqueue", "other")
    arguments = ("worker", f"{APPS}:with_tracing_of_its_own")
    with program(tmp_path / "output", *arguments, database_url=database_url) as worker:
        eventually_sync(lambda: collector.spans)
        worker.send(signal.SIGTERM)
        assert worker.ends() == 0
        assert "Tracing is left as it is" in worker.text
        assert "Overriding" not in worker.text
    assert {(span.service, span.name) for span in collector.spans} == {("mine", "process other")}
