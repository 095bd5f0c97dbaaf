"""The pytest plugin: a PostgreSQL for the run, and a migrated database for each test that asks for one.

Every pytest run on a machine that has rowlock loads this file, so it imports nothing heavy and does nothing until a
test asks for a fixture. The server is `ROWLOCK_TEST_DATABASE_URL`, else a container, else the embedded server; xdist's
workers share it, and it ends with the run.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from rowlock.testing.databases import FreshDatabases
    from rowlock.testing.servers import Server

RUN = pytest.StashKey[Path]()
XDIST_INPUT = "rowlock_run"


def run_of(config: pytest.Config) -> Path:
    """The folder of the run that this program takes part in; it need not exist yet."""
    if RUN not in config.stash:
        given = getattr(config, "workerinput", {}).get(XDIST_INPUT)
        config.stash[RUN] = Path(given) if given else _planned()
    return config.stash[RUN]


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:  # Any: xdist, which may be absent, has the type
    """Tells an xdist worker which run it belongs to."""
    node.workerinput[XDIST_INPUT] = str(run_of(node.config))


def pytest_unconfigure(config: pytest.Config) -> None:
    """The controller ends what the run has started."""
    run = config.stash.get(RUN, None)
    if run is None or hasattr(config, "workerinput") or not run.exists():
        return
    from rowlock.testing.servers import stop_server_of

    stop_server_of(run)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    run = config.stash.get(RUN, None)
    if run is None or not run.exists():
        return
    from rowlock.testing.servers import server_kind_of

    if kind := server_kind_of(run):
        terminalreporter.write_line(f"PostgreSQL of this run: {kind}, {run}")


@pytest.fixture(scope="session")
def rowlock_server(pytestconfig: pytest.Config) -> Server:
    """The run's PostgreSQL: `.url` is a database of it."""
    from rowlock.testing.server_runs import end_in_order_when_told_to
    from rowlock.testing.servers import server_of, stop_abandoned_servers

    if not hasattr(pytestconfig, "workerinput"):
        end_in_order_when_told_to()
    server = server_of(run_of(pytestconfig))
    if os.environ.get("PYTEST_XDIST_WORKER", "gw0") == "gw0":
        for complaint in stop_abandoned_servers():
            warnings.warn(complaint, stacklevel=1)
    return server


@pytest.fixture(scope="session")
def rowlock_schema() -> str:
    """The schema that databases have: the settings'. To be overridden for applications that name their own in code."""
    from rowlock.config import load_settings

    return load_settings().schema_


@pytest.fixture(scope="session")
def rowlock_databases(rowlock_server: Server, rowlock_schema: str, pytestconfig: pytest.Config) -> FreshDatabases:
    """Makes databases on it, migrated or empty."""
    from functools import partial

    from rowlock.testing.databases import migrated
    from rowlock.testing.servers import databases_on

    prepare = partial(migrated, schema=rowlock_schema)
    return databases_on(rowlock_server, run_of(pytestconfig), prepare=prepare)


@pytest.fixture
def rowlock_database_url(rowlock_databases: FreshDatabases) -> Iterator[str]:
    """The URL of a database of the test's own, migrated and empty; dropped after the test."""
    with rowlock_databases.clone() as url:
        yield url


def _planned() -> Path:
    from rowlock.testing.server_runs import plan_run

    return plan_run()
