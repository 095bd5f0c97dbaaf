"""The app on a database of the test's own, and clients that hold keys of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from tests.api.served import Served, serving


@pytest.fixture
async def api(database_url: str) -> AsyncIterator[Served]:
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(serving(database_url))


@pytest.fixture
async def strict_api(database_url: str) -> AsyncIterator[Served]:
    """The same, of a strict installation."""
    async with serving(database_url, strict=True) as served:
        yield served
