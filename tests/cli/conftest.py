"""The command line in this process, on a database of the test's own."""

from __future__ import annotations

import pytest
from tests.cli.caller import Caller


@pytest.fixture
def cli(database_url: str) -> Caller:
    """Calls commands on a migrated database."""
    return Caller({"ROWLOCK_DATABASE_URL": database_url})


@pytest.fixture
def cli_without_database() -> Caller:
    """Calls commands that need none."""
    return Caller({"ROWLOCK_DATABASE_URL": None})
