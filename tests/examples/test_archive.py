"""The archive, end to end, on a real tree with real worker processes of which one is killed half-way."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from tests.examples.conftest import regular_files
from tests.harness.eventually import eventually_sync
from tests.harness.worker_process import WorkerProcess, worker_process

from rowlock import Rowlock

APP = "examples.archive:app"
LEASE_SECONDS = 2
WORKER = {
    "lease_seconds": LEASE_SECONDS,
    "heartbeat_seconds": 0.3,
    "poll_seconds": 0.2,
    "concurrency": 4,
    "log_level": "warning",
}


@pytest.fixture
def database(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.mark.slow
def test_each_file_is_archived_once_though_a_worker_is_killed_half_way(
    tree: Path, tmp_path: Path, database_url: str, database: psycopg.Connection[Any]
) -> None:
    out, expected = tmp_path / "out", regular_files(tree)
    with worker_process(APP, database_url, **WORKER), worker_process(APP, database_url, **WORKER) as doomed:
        task = enqueue(database_url, tree, out)
        held = kill_while_it_holds_leases(doomed, database, after=len(expected) // 4)
        killed_at = column(database, "SELECT now()")[0]
        with worker_process(APP, database_url, **WORKER):
            taken_over_at = eventually_sync(lambda: taken_over(database, held), within=timedelta(seconds=60))
            totals = result(database, summary_of(database, task))

    assert taken_over_at - killed_at < timedelta(seconds=LEASE_SECONDS + 5)
    assert len(expected) > 200
    assert totals == {
        "manifest": str(out / "manifest.sha256"),
        "files": len(expected),
        "bytes": sum(path.stat().st_size for path in expected),
        "compressed_bytes": sum(copy.stat().st_size for copy in regular_files(out / "files")),
        "failed": 0,
    }
    assert copies(out) == {path.relative_to(tree): path.read_bytes() for path in expected}
    assert manifest(out) == {
        (hashlib.sha256(path.read_bytes()).hexdigest(), path.relative_to(tree)) for path in expected
    }
    assert leavings(out) == {"files", "manifest.sha256", "summary.json"}
    assert statuses(database) == [
        ("archive.file", "succeeded", len(expected)),
        ("archive.summary", "succeeded", 1),
        ("archive.tree", "succeeded", 1),
    ]
    assert accepted_more_than_once(database) == []


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="needs coreutils' sha256sum")
def test_sha256sum_accepts_the_manifest_and_the_summary_tells_what_was_left_out(
    tree: Path, database_url: str, database: psycopg.Connection[Any]
) -> None:
    out = tree / "archive"  # below the tree: it must not archive itself
    (tree / "odd" / "clash").write_bytes(b"whose copy would be named like the folder beside it")
    (tree / "odd" / "clash.gz").mkdir()
    (tree / "odd" / "clash.gz" / "inner").write_bytes(b"which comes first or second")
    with worker_process(APP, database_url, **WORKER):
        task = enqueue(database_url, tree, out)
        totals = result(database, summary_of(database, task))

    checked = subprocess.run(
        ["sha256sum", "--check", "--strict", out / "manifest.sha256"], cwd=tree, capture_output=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    summary = json.loads((out / "summary.json").read_text())
    assert summary["passed_over"]["counts"] == {"symbolic links": 2, "pipes": 1}
    assert [failed["path"] for failed in summary["failed_files"]] in (["odd/clash"], ["odd/clash.gz/inner"])
    assert "cannot be named" in summary["failed_files"][0]["reason"]
    assert totals["failed"] == 1
    assert summary["files"] == totals["files"] == len((out / "manifest.sha256").read_bytes().splitlines())


def test_a_tree_that_is_walked_again_doubles_nothing(
    tree: Path, tmp_path: Path, database_url: str, database: psycopg.Connection[Any]
) -> None:
    """As after a crash between the walk and its end: the task is given back, and another worker walks anew."""
    with worker_process(APP, database_url, **WORKER):
        task = enqueue(database_url, tree, tmp_path / "out")
        result(database, summary_of(database, task))
        before = statuses(database)
        revive(database, task)
        result(database, task)
    assert statuses(database) == before


def enqueue(database_url: str, root: Path, out: Path) -> UUID:
    app = Rowlock(database_url=database_url)
    try:
        return app.enqueue_sync("archive.tree", {"root": str(root), "out": str(out)}).id
    finally:
        app.close_sync()


def kill_while_it_holds_leases(worker: WorkerProcess, database: psycopg.Connection[Any], *, after: int) -> list[UUID]:
    """Kills it at a moment when it holds leases and `after` files are done; the tasks that it held."""

    def held_when_frozen() -> list[UUID]:
        if finished_files(database) < after:
            return []
        worker.freeze()
        held = held_by(database, worker.pid)
        if not held:
            worker.thaw()
        return held

    held = eventually_sync(held_when_frozen, within=timedelta(seconds=60))
    worker.kill()
    return held


def held_by(database: psycopg.Connection[Any], pid: int) -> list[UUID]:
    return column(
        database,
        "SELECT task.id FROM rowlock.tasks_live AS task JOIN rowlock.workers AS worker ON worker.id = task.worker_id"
        " WHERE worker.pid = %s AND task.status = 'running' AND task.name = 'archive.file'",
        pid,
    )


def finished_files(database: psycopg.Connection[Any]) -> int:
    counted = "SELECT count(*) FROM rowlock.tasks WHERE name = 'archive.file' AND finished_at IS NOT NULL"
    return int(column(database, counted)[0])


def taken_over(database: psycopg.Connection[Any], held: list[UUID]) -> datetime | None:
    """When the last of them was claimed again; its former attempt's end is recorded with that. None before.

    One whose outcome was on its way when the worker was frozen may have succeeded under its first lease."""
    ended = database.execute(
        "SELECT task_id, outcome::text, finished_at FROM rowlock.executions WHERE task_id = ANY (%s)", (held,)
    ).fetchall()
    if {task for task, _, _ in ended} != set(held):
        return None
    return max((at for _, outcome, at in ended if outcome == "lease_expired"), default=None)


def summary_of(database: psycopg.Connection[Any], tree: UUID) -> UUID:
    found = eventually_sync(
        lambda: column(
            database, "SELECT id FROM rowlock.tasks WHERE parent_id = %s AND name = 'archive.summary'", tree
        ),
        within=timedelta(seconds=60),
    )
    return UUID(str(found[0]))


def result(database: psycopg.Connection[Any], task: UUID) -> dict[str, Any]:
    found = eventually_sync(
        lambda: column(database, "SELECT result FROM rowlock.tasks WHERE id = %s AND status = 'succeeded'", task),
        within=timedelta(seconds=60),
    )
    return dict(found[0])


def revive(database: psycopg.Connection[Any], task: UUID) -> None:
    """Makes the finished task a live one that a vanished worker holds, its lease just over."""
    database.execute(
        "UPDATE rowlock.tasks SET status = 'running', visible_at = rowlock.clock(), expires_on = '9999-12-31',"
        " finished_at = NULL, result = NULL WHERE id = %s",
        (task,),
    )


def statuses(database: psycopg.Connection[Any]) -> list[tuple[str, str, int]]:
    return database.execute(
        "SELECT name, status::text, count(*) FROM rowlock.tasks GROUP BY 1, 2 ORDER BY 1, 2"
    ).fetchall()


def accepted_more_than_once(database: psycopg.Connection[Any]) -> list[UUID]:
    return column(
        database,
        "SELECT task_id FROM rowlock.executions WHERE outcome = 'succeeded' GROUP BY 1 HAVING count(*) > 1",
    )


def column(database: psycopg.Connection[Any], sql: str, *parameters: object) -> list[Any]:
    return [row[0] for row in database.execute(sql, parameters).fetchall()]


def copies(out: Path) -> dict[Path, bytes]:
    files = out / "files"
    return {
        copy.relative_to(files).with_name(copy.name.removesuffix(".gz")): gzip.decompress(copy.read_bytes())
        for copy in regular_files(files)
    }


def manifest(out: Path) -> set[tuple[str, Path]]:
    lines = (out / "manifest.sha256").read_bytes().split(b"\n")[:-1]
    read = [tuple(line.removeprefix(b"\\").split(b"  ", 1)) for line in lines]
    return {(digest.decode(), Path(unescaped(name))) for digest, name in read}


def unescaped(name: bytes) -> str:
    return os.fsdecode(name.replace(rb"\\", b"\0").replace(rb"\n", b"\n").replace(rb"\r", b"\r").replace(b"\0", b"\\"))


def leavings(out: Path) -> set[str]:
    return {path.name for path in out.iterdir()}
