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
        given = call.given({**call.flags, "concurrency": concurrency})
        if processes > 1:
            from rowlock.cli.supervision.fleet import supervise_workers

            settings = call.settings_with(concurrency=concurrency)
            raise typer.Exit(supervise_workers(settings, app, names, processes, given=given))
        import os

        from rowlock.cli.applications import load_application, settings_of, trace_from_its_lifespan_on
        from rowlock.cli.supervision.environment import child_environment, given_to_this_child
        from rowlock.cli.supervision.serving import run_until_hurried
        from rowlock.telemetry.logs import settle_logging
        from rowlock.worker import run_worker

        settings = call.settings_for("worker", concurrency=concurrency)
        given |= given_to_this_child()
        os.environ.update(child_environment(settings))  # the flags count for the application's own settings too
        application = load_application(app)
        settings = settings_of(application, settings, given)
        settle_logging(format=settings.log_format, level=settings.log_level)
        trace_from_its_lifespan_on(application)
        run_until_hurried(lambda stop, hurry: run_worker(application, settings, queues=names, stop=stop, hurry=hurry))
