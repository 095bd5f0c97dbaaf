"""A server on a database of the test's own, and a client that speaks to it in memory.

The library is imported by the tests that use it: that takes more than a second, which each program would pay that only
collects them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from rowlock.config import Settings
from rowlock.mcp import make_server
from rowlock.store.database import Database

if TYPE_CHECKING:
    from mcp.server import MCPServer
    from mcp.types import CallToolResult, Tool

Room = Callable[..., AbstractAsyncContextManager["Desk"]]


class Desk:
    """The tools as a model uses them: an answer, or the sentence of a refusal. Each call is a session of its own."""

    def __init__(self, server: MCPServer) -> None:
        self.server = server

    async def ask(self, tool: str, **arguments: Any) -> Any:
        answer = await self._call(tool, arguments)
        assert not answer.is_error, answer.content
        content = answer.structured_content
        return content["result"] if content is not None and content.keys() == {"result"} else content

    async def refusal(self, tool: str, **arguments: Any) -> str:
        answer = await self._call(tool, arguments)
        assert answer.is_error, answer.structured_content
        return str(getattr(answer.content[0], "text", ""))

    async def tools(self) -> dict[str, Tool]:
        from mcp import Client

        async with Client(self.server) as client:
            return {tool.name: tool for tool in (await client.list_tools()).tools}

    async def _call(self, tool: str, arguments: dict[str, Any]) -> CallToolResult:
        from mcp import Client

        async with Client(self.server) as client:
            return await client.call_tool(tool, arguments)


@pytest.fixture
def open_desk(database_url: str) -> Room:
    """Opens the tools under settings: `async with open_desk(tenant="acme") as desk`."""

    @asynccontextmanager
    async def opened(**settings: Any) -> AsyncIterator[Desk]:
        async with Database(Settings(database_url=database_url, **settings)) as database:
            yield Desk(make_server(database))

    return opened


@pytest.fixture
async def desk(open_desk: Room) -> AsyncIterator[Desk]:
    async with open_desk() as opened:
        yield opened


@pytest.fixture
def sql(database_url: str) -> Iterator[Callable[..., list[tuple[Any, ...]]]]:
    """Runs SQL beside the server."""
    with psycopg.connect(database_url, autocommit=True) as connection:

        def run(statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
            cursor = connection.execute(statement.encode(), parameters)
            return cursor.fetchall() if cursor.description else []

        yield run
