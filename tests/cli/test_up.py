"""`rowlock up` for real: everything starts, works, and ends; and nothing is lost or left behind however it ends."""

from __future__ import annotations

import http.client
import json
import os
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.cli.caller import Caller
from tests.cli.supervised import PATIENCE, Program, all_gone, program
from tests.harness.eventually import eventually_sync
from tests.harness.ports import free_ports

from rowlock.store.embedded import EmbeddedServer
from rowlock.testing.pytest_plugin import run_of
from rowlock.testing.server_runs import make_run

SETTINGS: dict[str, object] = {"drain_seconds": 5, "log_level": "warning", "poll_seconds": 0.2}


@pytest.fixture(scope="module")
def data_dir(pytestconfig: pytest.Config) -> Path:
    """One embedded server for all tests of this module, so that making it costs once; in memory, where that can be."""
    run = run_of(pytestconfig)
    make_run(run)
    return run / f"up-{os.getpid()}"


@pytest.fixture
def port() -> int:
    return free_ports()[0]


def up(data_dir: Path, port: int, output: Path) -> Any:
    return program(output, "up", "--data-dir", str(data_dir), "--port", str(port), **SETTINGS)


def get(port: int, path: str, key: str = "") -> tuple[int, Any]:
    """Status and body of a GET."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {key}"} if key else {})
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def first_key(running: Program, data_dir: Path) -> str:
    """The key that the first start prints; later starts do not, so then another is made."""
    if found := [word for word in running.text.split() if word.startswith("rlk_")]:
        return found[0]
    return str(cli_of(data_dir).json("keys", "create", "--name", "test", "--scopes", "admin")["key"])


def cli_of(data_dir: Path) -> Caller:
    return Caller({"ROWLOCK_DATABASE_URL": None, "ROWLOCK_DATA_DIR": str(data_dir)})


def test_everything_starts_works_and_ends_with_ctrl_c(data_dir: Path, port: int, tmp_path: Path) -> None:
    cli, server = cli_of(data_dir), EmbeddedServer(data_dir)
    source = tmp_path / "source"
    source.mkdir()
    for number in range(3):
        (source / f"{number}.txt").write_text(f"{number}\n" * 100)
    with up(data_dir, port, tmp_path / "first") as running:
        running.says("rowlock is ready")
        assert get(port, "/health/ready")[0] == 200
        key = first_key(running, data_dir)
        payload = json.dumps({"root": str(source), "out": str(tmp_path / "out")})
        task = cli.json("enqueue", "archive.tree", "--payload", payload)["id"]
        assert cli("watch", task).code == 0
        assert (tmp_path / "out" / "manifest.sha256").read_text().count("\n") == 3
        assert get(port, f"/v1/tasks/{task}", key)[1]["status"] == "succeeded"
        children = list(running.children().values())
        assert {*running.children()} == {"api", "scheduler", "worker"}
        assert all(child.pid != psutil.Process(running.pid).pid for child in children)
        running.send(signal.SIGINT)
        assert running.ends() == 0
        assert all_gone(children)
        assert not server.running
        for said in ("Stopping", "api has ended.", "worker has ended.", "scheduler has ended.", "PostgreSQL  stopped"):
            assert said in running.text
    with up(data_dir, port, tmp_path / "second") as running:
        running.says("rowlock is ready")
        assert "rlk_" not in running.text
        assert cli.json("tasks", "show", task)["status"] == "succeeded"
        assert get(port, f"/v1/tasks/{task}", key)[1]["name"] == "archive.tree"
        running.send(signal.SIGTERM)
        assert running.ends() == 0
        assert not server.running


def test_killed_it_takes_nobody_along_and_the_next_one_takes_over(data_dir: Path, port: int, tmp_path: Path) -> None:
    server = EmbeddedServer(data_dir)
    with up(data_dir, port, tmp_path / "killed") as killed:
        killed.says("rowlock is ready")
        children, postmaster = list(killed.children().values()), server.postmaster_pid
        killed.send(signal.SIGKILL)
        killed.ends()
        with up(data_dir, port, tmp_path / "next") as running:
            running.says("rowlock is ready")
            assert all_gone(children)
            assert "adopted" in running.text
            assert server.postmaster_pid == postmaster
            running.send(signal.SIGINT)
            assert running.ends() == 0
    assert not server.running


def test_a_second_one_is_refused_and_harms_nothing(data_dir: Path, port: int, tmp_path: Path) -> None:
    with up(data_dir, port, tmp_path / "first") as first:
        first.says("rowlock is ready")
        with up(data_dir, free_ports()[0], tmp_path / "second") as second:
            assert second.ends() == 4
            assert f"`rowlock up` runs on {data_dir} already (process {first.pid})" in second.text
        with up(tmp_path / "elsewhere", port, tmp_path / "third") as third:
            assert third.ends() == 4
            assert f"Port {port} of 127.0.0.1 is in use" in third.text
        assert not (tmp_path / "elsewhere" / "postgres").exists()
        assert get(port, "/health/ready")[0] == 200
        assert len(first.children()) == 3
        first.send(signal.SIGINT)
        assert first.ends() == 0


def test_what_dies_is_started_again(data_dir: Path, port: int, tmp_path: Path) -> None:
    server = EmbeddedServer(data_dir)
    with up(data_dir, port, tmp_path / "output") as running:
        running.says("rowlock is ready")
        worker = running.children()["worker"]
        worker.kill()
        running.says("worker was killed by SIGKILL; it starts again in 0.5 s")
        eventually_sync(lambda: running.children().get("worker", worker) != worker, within=PATIENCE)
        postmaster = server.postmaster_pid
        assert postmaster
        psutil.Process(postmaster).kill()
        running.says("PostgreSQL has ended; starting it again")
        eventually_sync(lambda: get(port, "/health/ready")[0] == 200, within=PATIENCE)
        assert server.postmaster_pid != postmaster
        running.send(signal.SIGINT)
        assert running.ends() == 0


def test_json_is_one_document(data_dir: Path, port: int, tmp_path: Path, database_url: str) -> None:
    arguments = (
        "up",
        "--database-url",
        database_url,
        "--port",
        str(port),
        "--json",
        "--app",
        "tests.cli.family_app:app",
    )
    errors = tmp_path / "errors"
    with program(tmp_path / "output", *arguments, errors=errors, **SETTINGS) as running:
        running.says('"api_key"')
        assert Caller({"ROWLOCK_DATABASE_URL": database_url})("enqueue", "tell").code == 0
        eventually_sync(lambda: "a handler's word" in errors.read_text() + running.text)
        document = json.loads(running.text)
        assert document["url"] == f"http://127.0.0.1:{port}"
        assert get(port, "/v1/tasks", document["api_key"])[0] == 200
        running.send(signal.SIGINT)
        assert running.ends() == 0
