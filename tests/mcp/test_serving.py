"""Serving: on stdin and stdout with a real process, and what is said where it cannot be served."""

from __future__ import annotations

import sys

import pytest

from rowlock.config import Settings
from rowlock.domain.errors import ConfigurationError, InvalidArgument
from rowlock.mcp import make_server
from rowlock.store.database import Database

PROGRAM = (
    "import asyncio; from rowlock.config import Settings; from rowlock.mcp import serve; asyncio.run(serve(Settings()))"
)


async def test_it_serves_on_stdin_and_stdout(database_url: str) -> None:
    from mcp import Client, StdioServerParameters

    program = StdioServerParameters(
        command=sys.executable, args=["-c", PROGRAM], env={"ROWLOCK_DATABASE_URL": database_url}
    )
    async with Client(program) as client:
        stored = await client.call_tool("enqueue_task", {"name": "mail.send"})
        assert stored.structured_content is not None
        found = await client.call_tool("get_task", {"task_id": stored.structured_content["id"]})
        assert found.structured_content is not None
        assert found.structured_content["status"] == "ready"


async def test_without_a_database_the_tools_say_so() -> None:
    from mcp import Client

    nowhere = Settings(database_url="postgresql://postgres@127.0.0.1:1/none", connect_seconds=0.2)
    database = Database(nowhere)
    async with database, Client(make_server(database)) as client:
        answer = await client.call_tool("list_tasks", {})
        assert answer.is_error
        assert "database" in str(getattr(answer.content[0], "text", "")).lower()


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "rowlock.mcp.server", raising=False)
    monkeypatch.setitem(sys.modules, "mcp.server", None)  # type: ignore[arg-type]  # how Python spells "not installed"

    with pytest.raises(ConfigurationError, match=r"pip install rowlock\[mcp\]"):
        make_server(Database(Settings(database_url="postgresql://postgres@/none")))


def test_a_tenant_that_cannot_be_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="tenant"):
        make_server(Database(Settings(database_url="postgresql://postgres@/none", tenant="No Such")))
