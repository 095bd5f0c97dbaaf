"""The server with its tools, and how a refusal reaches the model. With `arguments`, all that needs the mcp package."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp.types import ToolAnnotations

from rowlock.domain.errors import RowlockError
from rowlock.engine.actors import acting_account
from rowlock.mcp.acting import Acting
from rowlock.mcp.arguments import strict
from rowlock.mcp.looking import Looking
from rowlock.store.database import Database

INSTRUCTIONS = """\
rowlock is a durable job system in PostgreSQL. A task is one unit of work, run by the handler of its name, taken from a
queue by a worker, and tried again after failures until it is out of attempts; then it is a dead letter.
To find out why work does not happen: list_queues (lag, paused, no workers), then explain_task for one of its tasks.
To mend failures: list_dead_letters, get_task for the traceback, and redrive_task once the cause is mended.
"""

LOOKS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
ADDS = ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=False)
DESTROYS = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False)

Act = Callable[..., Awaitable[Any]]  # Any: each tool answers in its own shape


def server_for(database: Database) -> MCPServer:
    """A server that acts for the settings' tenant."""
    tenant_id = database.settings.tenant
    looking = Looking(database, tenant_id)
    acting = Acting(database, tenant_id, acting_account("mcp"))
    hinted = ((looking.tools(), LOOKS), (acting.additive(), ADDS), (acting.destructive(), DESTROYS))
    return MCPServer(
        "rowlock",
        title="rowlock",
        instructions=INSTRUCTIONS,
        version=version("rowlock"),
        log_level="WARNING",
        tools=[strict(Tool.from_function(refusing(act), annotations=hints)) for acts, hints in hinted for act in acts],
    )


def refusing(act: Act) -> Act:
    """The act, with its refusals told to the model in rowlock's own words rather than as a defect."""

    @functools.wraps(act)
    async def call(*arguments: Any, **named: Any) -> Any:
        try:
            return await act(*arguments, **named)
        except RowlockError as error:
            raise ToolError(error.message) from error

    return call
