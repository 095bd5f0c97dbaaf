"""`rowlock watch`: a task and its children until all of them are finished."""

from __future__ import annotations

from typing import Annotated

import typer

from rowlock.cli.call import Call, command
from rowlock.cli.exit_codes import ExitCode


def register(program: typer.Typer) -> None:
    @command(program, "watch")
    def watch(
        call: Call,
        task: Annotated[str, typer.Argument(metavar="TASK", help="Id of the task.", show_default=False)],
    ) -> None:
        """Watch a task and its children until they are finished.

        It exits with 0 when the task succeeded, and with 1 when the task or a child ended as dead, or the task was
        cancelled. With --json it prints a line for each change. Ctrl-C ends the watching, not the work.
        """
        from rowlock.cli.watching import json_watcher, terminal_watcher, watch_family
        from rowlock.domain.ids import parse_id

        task_id = parse_id(task, field="task")
        with json_watcher() if call.json else terminal_watcher() as show:
            last = call.on_database(lambda database: watch_family(database, call.tenant, task_id, show))
        if last.failed:
            raise typer.Exit(ExitCode.NO)
