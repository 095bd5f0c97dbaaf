"""An installation of the test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.harness.installation import Installation, installation


@pytest.fixture
async def here(database_url: str) -> AsyncIterator[Installation]:
    async with installation(database_url) as made:
        yield made
