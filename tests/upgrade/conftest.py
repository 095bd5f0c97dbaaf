"""Databases of versions before, cloned: on the way there from nothing one step makes two months of partitions."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from rowlock.store.migrate import migrate
from rowlock.testing.databases import FreshDatabases
from rowlock.testing.pytest_plugin import run_of
from rowlock.testing.servers import Server, databases_on

OLDEST = "0018"  # of those from which tests migrate with work at hand


@pytest.fixture(scope="session")
def old_databases(server: Server, pytestconfig: pytest.Config) -> FreshDatabases:
    """Makes databases at migration `OLDEST`."""
    return databases_on(server, run_of(pytestconfig), suffix="_old", prepare=partial(migrate, revision=OLDEST))


@pytest.fixture
def old_database_url(old_databases: FreshDatabases) -> Iterator[str]:
    """The URL of a database of the test's own at migration `OLDEST`, whence any later one is soon reached."""
    with old_databases.clone() as url:
        yield url
