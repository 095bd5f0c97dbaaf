"""`rowlock worker --processes N`: N workers that share the work, and end together."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil
from tests.cli.caller import Caller
from tests.cli.supervised import all_gone, program
from tests.harness.eventually import eventually_sync

APP = "tests.cli.family_app:app"


def live_workers(cli: Caller) -> int:
    return len([worker for worker in cli.json("workers")["items"] if worker["health"] == "healthy"])


def test_processes_share_the_work_and_drain_together(cli: Caller, database_url: str, tmp_path: Path) -> None:
    arguments = ("worker", APP, "--processes", "2", "--concurrency", "4", "--database-url", database_url)
    with program(tmp_path / "output", *arguments, drain_seconds=5, poll_seconds=0.1) as running:
        eventually_sync(lambda: live_workers(cli) == 2)
        task = cli.json("enqueue", "tree", "--payload", '{"leaves": 120}')["id"]
        assert cli("watch", task).code == 0
        leaves = cli.json("tasks", "list", "--parent", task, "--limit", "120")["items"]
        assert len({leaf["result"] for leaf in leaves}) == 2

        children = psutil.Process(running.pid).children()
        held = cli.json("enqueue", "hold")["id"]
        eventually_sync(lambda: cli.json("tasks", "show", held)["status"] == "running")
        running.send(signal.SIGTERM)
        assert running.ends() == 0
        assert all_gone(children)
    assert cli.json("tasks", "show", held)["status"] == "ready"
    assert live_workers(cli) == 0


def test_a_second_signal_hurries(cli: Caller, database_url: str, tmp_path: Path) -> None:
    arguments = ("worker", APP, "--processes", "2", "--database-url", database_url)
    with program(tmp_path / "output", *arguments, drain_seconds=600, poll_seconds=0.1) as running:
        held = cli.json("enqueue", "hold")["id"]
        eventually_sync(lambda: cli.json("tasks", "show", held)["status"] == "running")
        children = psutil.Process(running.pid).children()
        running.send(signal.SIGINT)
        running.says("worker-[12] has ended")  # the one that holds nothing
        running.send(signal.SIGINT)
        assert running.ends() == 0
        assert "killed" not in running.text
        assert all_gone(children)
    assert cli.json("tasks", "show", held)["status"] == "ready"


def test_a_killed_supervisor_leaves_no_workers_behind(cli: Caller, database_url: str, tmp_path: Path) -> None:
    arguments = ("worker", APP, "--processes", "2", "--database-url", database_url)
    with program(tmp_path / "output", *arguments, drain_seconds=5, poll_seconds=0.1) as running:
        eventually_sync(lambda: live_workers(cli) == 2)
        children = psutil.Process(running.pid).children()
        running.send(signal.SIGKILL)
        running.ends()
        eventually_sync(lambda: all_gone(children))
    assert live_workers(cli) == 0


def test_arguments_that_can_never_work_end_it(database_url: str, tmp_path: Path) -> None:
    arguments = ("worker", "no.such:app", "--processes", "2", "--database-url", database_url)
    with program(tmp_path / "output", *arguments) as running:
        assert running.ends() == 2
        assert "cannot run with these settings" in running.text


def test_that_nobody_reads_what_it_says_ends_nothing(cli: Caller, database_url: str, tmp_path: Path) -> None:
    """As when the same Ctrl-C has ended `tee`, or a terminal has hung up: what dies starts again, what drains may."""
    os.mkfifo(tmp_path / "output")
    reader = os.open(tmp_path / "output", os.O_RDONLY | os.O_NONBLOCK)
    arguments = ("worker", APP, "--processes", "2", "--database-url", database_url)
    with program(tmp_path / "output", *arguments, drain_seconds=5, poll_seconds=0.1) as running:
        eventually_sync(lambda: live_workers(cli) == 2)
        os.close(reader)
        supervisor = psutil.Process(running.pid)
        first, second = supervisor.children()
        first.kill()
        eventually_sync(lambda: set(supervisor.children()) - {first, second})
        children = supervisor.children()
        assert second in children
        held = cli.json("enqueue", "hold")["id"]
        eventually_sync(lambda: cli.json("tasks", "show", held)["status"] == "running")
        running.send(signal.SIGTERM)
        assert running.ends() == 0
        assert all_gone(children)
    assert cli.json("tasks", "show", held)["status"] == "ready"
