"""`rowlock worker`."""

from __future__ import annotations

from typing import Annotated

import typer

from rowlock.cli.call import Call, command


def register(program: typer.Typer) -> None:
    @command(program, "worker")
    def worker(
        call: Call,
        app: Annotated[
            str, typer.Argument(metavar="MODULE:app", help="The application whose handlers run.", show_default=False)
        ],
        queues: Annotated[
            str | None, typer.Option(metavar="A,B", help="Queues to work on. Default: those of the handlers.")
        ] = None,
        concurrency: Annotated[
            int | None, typer.Option(metavar="N", help="Tasks to run at once in one process.")
        ] = None,
        processes: Annotated[int, typer.Option(metavar="N", min=1, max=256, help="Processes to run.")] = 1,
    ) -> None:
        """Run tasks.

        SIGTERM or Ctrl-C drains: running tasks have ROWLOCK_DRAIN_SECONDS to finish, then they are given back. A second
        one gives them back at once.
        """
        from rowlock.cli.values import parse_names

        names = parse_names(queues)
        if processes > 1:
            from rowlock.cli.supervision.fleet import supervise_workers

            raise typer.Exit(supervise_workers(call.settings_with(concurrency=concurrency), app, names, processes))
        import os

        from rowlock.cli.applications import load_application, trace_from_its_lifespan_on
        from rowlock.cli.supervision.environment import child_environment
        from rowlock.cli.supervision.serving import run_until_hurried
        from rowlock.worker import run_worker

        settings = call.settings_for("worker", concurrency=concurrency)
        os.environ.update(child_environment(settings))  # the flags count for the application's own settings too
        application = load_application(app)
        trace_from_its_lifespan_on(application)
        run_until_hurried(lambda stop, hurry: run_worker(application, settings, queues=names, stop=stop, hurry=hurry))
