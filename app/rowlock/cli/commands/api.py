"""`rowlock api`."""

from __future__ import annotations

from typing import Annotated

import typer

from rowlock.cli.call import Call, command


def register(program: typer.Typer) -> None:
    @command(program, "api")
    def api(
        call: Call,
        host: Annotated[str | None, typer.Option(metavar="HOST", help="Address to listen on.")] = None,
        port: Annotated[int | None, typer.Option(metavar="PORT", help="Port to listen on.")] = None,
    ) -> None:
        """Serve the REST API and the page."""
        from rowlock.api import serve
        from rowlock.cli.supervision.serving import run_until_stopped

        settings = call.settings_for("api", host=host, port=port)
        run_until_stopped(lambda stop: serve(settings, stop=stop))
