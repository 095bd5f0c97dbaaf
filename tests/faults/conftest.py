"""A folder for what handlers write down, an installation to look at, and a PostgreSQL server that a test may break."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.harness.installation import Installation, installation
from tests.harness.server import PostgresServer, postgres_server
from tests.harness.server_template import ServerTemplate

from rowlock.testing.pytest_plugin import run_of
from rowlock.testing.server_runs import make_run


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "history"
    folder.mkdir()
    monkeypatch.setenv("ROWLOCK_TEST_HISTORY", str(folder))
    return folder


@pytest.fixture
async def here(database_url: str) -> AsyncIterator[Installation]:
    async with installation(database_url) as made:
        yield made


@pytest.fixture(scope="session")
def server_template(pytestconfig: pytest.Config) -> ServerTemplate:
    """What a test's own servers are copied from; xdist's workers share it."""
    run = run_of(pytestconfig)
    make_run(run)
    return ServerTemplate(run / "template")


@pytest.fixture
def postgres(server_template: ServerTemplate) -> Iterator[PostgresServer]:
    """A PostgreSQL server of the test's own, to be restarted, killed, filled up."""
    with postgres_server(server_template) as server:
        yield server
