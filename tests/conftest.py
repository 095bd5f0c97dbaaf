"""The fixtures that give a test its PostgreSQL. What they stand on is in `tests/harness`."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest
from tests.harness.databases import fresh_databases
from tests.harness.server_runs import begin_run, current_run
from tests.harness.servers import (
    Server,
    server_kind_of,
    server_of,
    stop_abandoned_servers,
    stop_server_of,
)

from rowlock.testing.databases import FreshDatabases

RUN = pytest.StashKey[bool]()


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        begin_run()
        config.stash[RUN] = True


def pytest_unconfigure(config: pytest.Config) -> None:
    if config.stash.get(RUN, False):
        stop_server_of(current_run())


def pytest_sessionstart(session: pytest.Session) -> None:
    if session.config.stash.get(RUN, False):
        for complaint in stop_abandoned_servers():
            warnings.warn(complaint, stacklevel=1)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if kind := server_kind_of(current_run()):
        terminalreporter.write_line(f"PostgreSQL of this run: {kind}, {current_run()}")


@pytest.fixture(scope="session")
def server() -> Server:
    """The run's PostgreSQL."""
    return server_of(current_run())


@pytest.fixture(scope="session")
def databases(server: Server) -> FreshDatabases:
    """Makes databases on it; for tests that need several, or a kind of their own."""
    return fresh_databases(server.admin_url, current_run(), owned=server.kind != "given")


@pytest.fixture(scope="session")
def template(databases: FreshDatabases) -> str:
    """The name of the migrated database that the clones are taken from."""
    return databases.template()


@pytest.fixture
def database_url(databases: FreshDatabases, template: str) -> Iterator[str]:
    """The URL of a database of the test's own, migrated."""
    with databases.clone() as url:
        yield url


@pytest.fixture
def empty_database_url(databases: FreshDatabases) -> Iterator[str]:
    """The URL of a database of the test's own, without a schema."""
    with databases.empty() as url:
        yield url
