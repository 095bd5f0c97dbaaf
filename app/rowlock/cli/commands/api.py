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
        processes: Annotated[int, typer.Option(metavar="N", min=1, max=256, help="Processes that share it.")] = 1,
        fd: Annotated[int | None, typer.Option(hidden=True, help="Socket of the processes that share it.")] = None,
    ) -> None:
        """Serve the REST API and the page.

        SIGTERM or Ctrl-C lets requests under way finish, for ROWLOCK_DRAIN_SECONDS at most.
        """
        if processes > 1:
            from rowlock.cli.supervision.fleet import supervise_apis

            raise typer.Exit(supervise_apis(call.settings_with(host=host, port=port), processes))
        from rowlock.api.listener import inherited
        from rowlock.api.server import serve
        from rowlock.cli.supervision.serving import run_until_stopped
        from rowlock.telemetry.tracing import configure_tracing

        settings = call.settings_for("api", host=host, port=port)
        configure_tracing("rowlock-api")
        shared = None if fd is None else inherited(fd)
        run_until_stopped(lambda stop: serve(settings, stop=stop, shared=shared))
