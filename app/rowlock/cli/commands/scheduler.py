"""`rowlock scheduler`."""

from __future__ import annotations

import typer

from rowlock.cli.call import Call, command


def register(program: typer.Typer) -> None:
    @command(program, "scheduler")
    def scheduler(call: Call) -> None:
        """Fire schedules and keep the house.

        Any number may run: one is elected, the others stand by.
        """
        from rowlock.cli.supervision.serving import run_until_stopped
        from rowlock.scheduler import run_scheduler

        settings = call.settings_for("scheduler")
        run_until_stopped(lambda stop: run_scheduler(settings, stop=stop))
