"""`rowlock api --processes N`: N processes that answer at one address, and end together."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest
from tests.cli.caller import Caller
from tests.cli.supervised import Program, all_gone, program
from tests.harness.eventually import eventually_sync
from tests.harness.ports import free_ports

CREATED = 'rowlock_http_requests_total{method="POST",route="/v1/tasks",status="201"}'


@contextmanager
def two_apis(database_url: str, folder: Path) -> Iterator[tuple[Program, str, list[str]]]:
    """Two that answer, their address, and where each tells its metrics."""
    ports = free_ports(2)
    own = [f"http://127.0.0.1:{port}" for port in ports]
    arguments = ("api", "--processes", "2", "--port", "0", "--database-url", database_url)
    settings = {"metrics_port": ports[0], "drain_seconds": 5, "log_format": "json"}
    with program(folder / "output", *arguments, **settings) as running:
        address = running.says(r'"address": ?"(http://[^"]+)"').group(1)
        eventually_sync(lambda: answering(own) == own)
        yield running, address, own


def answering(addresses: list[str]) -> list[str]:
    """Those that tell metrics."""
    return [address for address in addresses if tells_metrics(address)]


def tells_metrics(address: str) -> bool:
    try:
        return httpx.get(f"{address}/metrics").status_code == 200
    except httpx.TransportError:
        return False


def created(address: str) -> int:
    """How many tasks this process has made."""
    lines = httpx.get(f"{address}/metrics").text.splitlines()
    return sum(int(float(line.rpartition(" ")[2])) for line in lines if line.startswith(CREATED))


def enqueue(address: str, key: str) -> None:
    """Over a connection of its own, so that either may take it."""
    headers = {"Authorization": f"Bearer {key}"}
    assert httpx.post(f"{address}/v1/tasks", json={"name": "a"}, headers=headers, timeout=30).status_code == 201


@pytest.fixture
def key(cli: Caller) -> str:
    return str(cli.json("keys", "create", "--name", "x")["key"])


def test_they_share_the_requests_replace_each_other_and_end_together(
    key: str, database_url: str, tmp_path: Path
) -> None:
    with two_apis(database_url, tmp_path) as (running, address, own):
        sent = 0

        def both_have_answered() -> bool:
            nonlocal sent
            enqueue(address, key)
            sent += 1
            return all(map(created, own))

        eventually_sync(both_have_answered)
        assert sum(map(created, own)) == sent
        told = httpx.get(f"{address}/metrics")
        assert told.status_code == 404
        assert "ROWLOCK_METRICS_PORT" in told.json()["detail"]
        assert httpx.get(f"{address}/health/ready").status_code == 200

        psutil.Process(running.pid).children()[0].kill()
        running.says(r"api-[12] was killed by SIGKILL; it starts again")
        while len(answering(own)) < 2:
            enqueue(address, key)

        children = psutil.Process(running.pid).children()
        running.send(signal.SIGTERM)
        assert running.ends() == 0
        assert all_gone(children)
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{address}/health/live")


def test_an_address_that_is_taken_is_told_at_once(cli: Caller, database_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        refused = cli("api", "--processes", "2", "--port", str(taken.getsockname()[1]))
    assert refused.code == 2
    assert "cannot listen on 127.0.0.1" in refused.err


@pytest.mark.parametrize("kind", ["nothing", "file", "unconnected"])
def test_a_descriptor_that_cannot_be_used_is_refused(cli: Caller, kind: str, tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file, socket.socket() as unconnected:
        descriptor = {"nothing": 1_000_000, "file": file.fileno(), "unconnected": unconnected.fileno()}[kind]
        refused = cli("api", "--fd", str(descriptor))
    assert refused.code == 2
    assert f"Descriptor {descriptor} is no" in refused.err
