"""The fixtures that give a test its PostgreSQL: those of `rowlock.testing.pytest_plugin`, under short names."""

from __future__ import annotations

import gc
import logging
import os
import sys
from collections.abc import Iterator

import pytest
import structlog

from rowlock.telemetry import logs
from rowlock.testing.databases import FreshDatabases, fully_migrated
from rowlock.testing.pytest_plugin import run_of
from rowlock.testing.server_runs import end_in_order_when_told_to
from rowlock.testing.servers import Server, databases_on

gc.disable()  # while all tests are imported, which leaves next to nothing that could be freed


def pytest_configure(config: pytest.Config) -> None:
    _keep_bytecode()
    if not hasattr(config, "workerinput"):
        end_in_order_when_told_to()


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """What was imported stays until the end, so the collector need never look at it again."""
    gc.freeze()
    gc.enable()


def _keep_bytecode() -> None:
    """Or each program that a test starts would compile rowlock anew, and each worker of xdist all tests."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False


@pytest.fixture(autouse=True)
def no_logging_is_left_configured() -> Iterator[None]:
    """By what a test runs in this process, such as a command: later tests would find its lines in their stderr."""
    root = logging.getLogger()
    level = root.level
    yield
    if logs.configured_logging() is not None:
        root.handlers[:] = [handler for handler in root.handlers if handler.name != logs.HANDLER_NAME]
        root.setLevel(level)
        logs._processors[:] = logs._UNCONFIGURED
        logs._told.clear()
        structlog.reset_defaults()
        logging.captureWarnings(False)


@pytest.fixture(autouse=True)
def no_settings_are_left_in_the_environment() -> Iterator[None]:
    """As `rowlock worker` leaves them there when it is called in this process: they would beat later tests' files."""
    before = _settings_in_the_environment()
    yield
    for name in _settings_in_the_environment().keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)


def _settings_in_the_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("ROWLOCK_")}


@pytest.fixture(scope="session")
def server(rowlock_server: Server) -> Server:
    """The run's PostgreSQL."""
    return rowlock_server


@pytest.fixture(scope="session")
def databases(rowlock_databases: FreshDatabases) -> FreshDatabases:
    """Makes databases on it; for tests that need several, or a kind of their own."""
    return rowlock_databases


@pytest.fixture(scope="session")
def template(databases: FreshDatabases) -> str:
    """The name of the migrated database that the clones are taken from."""
    return databases.template()


@pytest.fixture(scope="session")
def full_databases(server: Server, pytestconfig: pytest.Config) -> FreshDatabases:
    """Makes databases with all partitions that a migration makes."""
    return databases_on(server, run_of(pytestconfig), suffix="_full", prepare=fully_migrated)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, databases: FreshDatabases) -> Iterator[str]:
    """The URL of a database of the test's own, migrated; with all partitions where the test is marked so."""
    if request.node.get_closest_marker("all_partitions"):
        databases = request.getfixturevalue("full_databases")
    with databases.clone() as url:
        yield url


@pytest.fixture
def empty_database_url(databases: FreshDatabases) -> Iterator[str]:
    """The URL of a database of the test's own, without a schema."""
    with databases.empty() as url:
        yield url
