"""`rowlock up`: everything in one supervised foreground command."""

from __future__ import annotations

from typing import Annotated

import typer

from rowlock.cli.call import Call, command


def register(program: typer.Typer) -> None:
    @command(program, "up")
    def up(
        call: Call,
        host: Annotated[str | None, typer.Option(metavar="HOST", help="Address the API listens on.")] = None,
        port: Annotated[
            int | None, typer.Option(metavar="PORT", help="Port the API listens on; 0 for any free one.")
        ] = None,
        app: Annotated[
            str | None,
            typer.Option(metavar="MODULE:app", help="Application of the worker. Default: the archive example."),
        ] = None,
    ) -> None:
        """Run everything: PostgreSQL, API, scheduler and a worker.

        PostgreSQL is the embedded one, unless a database is named. Ctrl-C drains and stops all of it; a second Ctrl-C
        hurries. The next `up` goes on where this one was.
        """
        import asyncio

        from rowlock.cli.startup.progress import Progress
        from rowlock.cli.startup.run import Run

        settings = call.settings_with(host=host, port=port)
        raise typer.Exit(asyncio.run(Run(settings, app, Progress(call.json)).to_the_end()))
