"""An installation for the pages: `rowlock up` on a database of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.docs.pages import REPOSITORY
from tests.harness.ports import free_ports

from rowlock.store.embedded import EmbeddedServer
from rowlock.testing.databases import FreshDatabases, migrated


@dataclass(frozen=True)
class Installation:
    """What `rowlock up` says when it is ready."""

    database_url: str
    url: str
    api_key: str


@pytest.fixture  # of no wider scope: it would go on polling through all the pages that do without it
def installation(databases: FreshDatabases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """`rowlock up` with the archive example, on a port that is free."""
    with (
        databases.clone() as database_url,
        _up(REPOSITORY, tmp_path_factory.mktemp("up") / "log", "--database-url", database_url) as welcome,
    ):
        yield Installation(database_url, welcome["url"], welcome["api_key"])


@pytest.fixture
def embedded_database_url(tmp_path: Path) -> Iterator[str]:
    """The database of an embedded server whose home is that of a project in the test's folder."""
    (tmp_path / "pyproject.toml").touch()
    server = EmbeddedServer(tmp_path / ".rowlock", settings={"fsync": "off"})
    try:
        server.start()
        migrated(server.url())
        yield server.url()
    finally:
        server.stop("immediate")


@pytest.fixture
def embedded_installation(
    embedded_database_url: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """`rowlock up` on it."""
    with _up(tmp_path, tmp_path_factory.mktemp("up") / "log") as welcome:
        yield Installation(embedded_database_url, welcome["url"], welcome["api_key"])


@contextmanager
def _up(folder: Path, log_file: Path, *flags: str) -> Iterator[dict[str, str]]:
    command = [sys.executable, "-m", "rowlock.cli", "up", "--json", "--port", str(free_ports()[0]), *flags]
    with log_file.open("wb") as log:
        program = subprocess.Popen(command, cwd=folder, env=_environment(), stdout=subprocess.PIPE, stderr=log)
        try:
            yield _document(program, log_file)
        finally:
            program.send_signal(signal.SIGINT)
            program.communicate(timeout=60)


def _document(program: subprocess.Popen[bytes], log: Path) -> dict[str, str]:
    assert program.stdout is not None
    lines = b""
    for line in program.stdout:
        lines += line
        if line.rstrip() == b"}":
            return dict(json.loads(lines))
    raise AssertionError(f"rowlock up did not become ready: {log.read_text()}")


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ROWLOCK_")}
    return {**kept, "ROWLOCK_LOG_FORMAT": "console"}
