"""An installation for the pages: `rowlock up` on a database of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.docs.pages import REPOSITORY
from tests.harness.ports import free_ports

from rowlock.testing.databases import FreshDatabases


@dataclass(frozen=True)
class Installation:
    """What `rowlock up` says when it is ready."""

    database_url: str
    url: str
    api_key: str


@pytest.fixture  # of no wider scope: it would go on polling through all the pages that do without it
def installation(databases: FreshDatabases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """`rowlock up` with the archive example, on a port that is free."""
    folder = tmp_path_factory.mktemp("up")
    with databases.clone() as database_url, (folder / "log").open("wb") as log:
        flags = ["--json", "--port", str(free_ports()[0]), "--database-url", database_url]
        command = [sys.executable, "-m", "rowlock.cli", "up", *flags]
        program = subprocess.Popen(command, cwd=REPOSITORY, env=_environment(), stdout=subprocess.PIPE, stderr=log)
        try:
            welcome = _document(program, folder / "log")
            yield Installation(database_url, welcome["url"], welcome["api_key"])
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
