"""`rowlock mcp`."""

from __future__ import annotations

import typer

from rowlock.cli.call import Call, command


def register(program: typer.Typer) -> None:
    @command(program, "mcp")
    def mcp(call: Call) -> None:
        """Serve language models (MCP) on stdin and stdout.

        It acts for one tenant, and ends when stdin is closed.
        """
        import asyncio

        from rowlock.mcp import serve

        asyncio.run(serve(call.settings_for("mcp")))
