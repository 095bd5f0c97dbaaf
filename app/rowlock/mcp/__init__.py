"""rowlock for language models: a Model Context Protocol server on stdin and stdout, acting for one tenant.

Each tool is one call into the engine under the same rules, bounds and audit log as every other entrance; what a tool is
refused comes back as a sentence. The library it stands on is optional, so nothing here is imported before it is served.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rowlock.config import Settings
from rowlock.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from mcp.server import MCPServer

    from rowlock.store.database import Database

MISSING = "The MCP server needs the package mcp, version 2 or later: pip install rowlock[mcp]"


async def serve(settings: Settings, *, url: str | None = None) -> None:
    """Serves until stdin is closed. Raises `ConfigurationError` where the library or the database's URL is missing.

    Nothing but the protocol may be written to stdout meanwhile; logs belong on stderr.
    """
    from rowlock.store.database import Database

    async with Database(settings, url=url, name="rowlock mcp") as database:
        await make_server(database).run_stdio_async()


def make_server(database: Database) -> MCPServer:
    """The server, not yet connected to anybody. The database is the caller's to close."""
    try:
        from rowlock.mcp.server import server_for
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "mcp":
            raise
        raise ConfigurationError(MISSING) from error
    return server_for(database)
