"""`rowlock schedules`: rules by which tasks are enqueued at their windows."""

from __future__ import annotations

import typer

from rowlock.cli.schedules import acts, reading, writing


def register(program: typer.Typer) -> None:
    schedules = typer.Typer(help="Rules by which tasks are enqueued at their windows.", no_args_is_help=True)
    program.add_typer(schedules, name="schedules")
    for part in (reading, writing, acts):
        part.register(schedules)
