"""`rowlock.testing.pytest_plugin` as a stranger meets it: in a pytest run of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

from rowlock.testing.servers import Server

USES_NOTHING = """
import sys

def test_nothing_was_loaded():
    loaded = {"psycopg", "sqlalchemy", "pydantic", "alembic", "psutil", "rowlock.client"} & set(sys.modules)
    assert not loaded
"""

USES_A_DATABASE = """
import os
from rowlock import Rowlock
from rowlock.testing import drain_sync, on_database

app = Rowlock()

@app.task
def double(number: int) -> int:
    return 2 * number

def run(url):
    with on_database(app, url):
        double.enqueue_sync(2)
        assert drain_sync(app) == {"succeeded": 1}

def test_one(rowlock_database_url):
    run(rowlock_database_url)

def test_other(rowlock_database_url):
    run(rowlock_database_url)

def test_server(rowlock_server):
    assert rowlock_server.url.startswith("postgresql://")
"""


NAMES_ITS_SCHEMA = """
import psycopg
from rowlock import Rowlock
from rowlock.testing import drain_sync, on_database

app = Rowlock(**{settings})

@app.task
def double(number: int) -> int:
    with psycopg.connect(app.database_url) as connection:
        return number * connection.execute("SELECT count(*) FROM jobs.task_state").fetchone()[0]

def test_it(rowlock_database_url):
    with on_database(app, rowlock_database_url):
        handle = double.enqueue_sync(2)
        assert drain_sync(app) == {{"succeeded": 1}}
        assert handle.result_sync() == 2
"""
ITS_CONFTEST = """
import pytest

@pytest.fixture(scope="session")
def rowlock_schema():
    return "jobs"
"""


def run_pytest(folder: Path, source: str, *flags: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs pytest with our plugin and xdist's alone: others that are installed here take their time to load."""
    (folder / "test_app.py").write_text(source)
    (folder / "pytest.ini").write_text("[pytest]\n")
    plugins = ("-p", "rowlock.testing.pytest_plugin", "-p", "xdist.plugin", "-p", "no:cacheprovider")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *plugins, *flags],
        cwd=folder,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **environment},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_the_plugin_comes_with_the_installation() -> None:
    (ours,) = entry_points(group="pytest11", name="rowlock")
    assert ours.value == "rowlock.testing.pytest_plugin"


def test_a_run_that_asks_for_nothing_pays_nothing(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, USES_NOTHING)
    assert done.returncode == 0, done.stdout
    assert "PostgreSQL of this run" not in done.stdout


def test_each_test_gets_a_migrated_database(tmp_path: Path, server: Server) -> None:
    done = run_pytest(tmp_path, USES_A_DATABASE, ROWLOCK_TEST_DATABASE_URL=server.admin_url)
    assert done.returncode == 0, done.stdout
    assert "PostgreSQL of this run: given" in done.stdout


def test_the_database_has_the_schema_that_the_settings_name(tmp_path: Path, server: Server) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.rowlock]\nschema = "jobs"\n')
    source = NAMES_ITS_SCHEMA.format(settings={})
    done = run_pytest(tmp_path, source, ROWLOCK_TEST_DATABASE_URL=server.admin_url)
    assert done.returncode == 0, done.stdout


def test_the_database_has_the_schema_that_the_tests_name(tmp_path: Path, server: Server) -> None:
    (tmp_path / "conftest.py").write_text(ITS_CONFTEST)
    source = NAMES_ITS_SCHEMA.format(settings={"schema": "jobs"})
    done = run_pytest(tmp_path, source, ROWLOCK_TEST_DATABASE_URL=server.admin_url)
    assert done.returncode == 0, done.stdout


def test_without_a_server_given_one_is_started_for_all_workers_and_stopped(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, USES_A_DATABASE, "-n", "2", ROWLOCK_TEST_DATABASE_URL="")
    assert done.returncode == 0, done.stdout
    said = re.search(r"PostgreSQL of this run: (?:embedded|docker), (.+)", done.stdout)
    assert said
    assert not Path(said[1]).exists()
