"""`rowlock dead-letters`: tasks out of attempts or failed for good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rowlock.cli.call import Call, command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from rowlock.store.listing import ListedTask

Queue = Annotated[str | None, typer.Option("--queue", "-q", metavar="NAME", help="Only of this queue.")]
Name = Annotated[str | None, typer.Option(metavar="NAME", help="Only for this handler.")]


def register(program: typer.Typer) -> None:
    letters = typer.Typer(help="Tasks out of attempts or failed for good.", no_args_is_help=True)
    program.add_typer(letters, name="dead-letters")

    @command(letters, "list")
    def list_letters(
        call: Call,
        queue: Queue = None,
        name: Name = None,
        limit: Annotated[int, typer.Option(min=1, max=200, help="How many.")] = 20,
        before: Annotated[str | None, typer.Option(metavar="TASK", help="Only older ones than this.")] = None,
    ) -> None:
        """List dead letters, newest first."""
        from rowlock.cli.pages import next_before, task_documents
        from rowlock.domain.ids import parse_id
        from rowlock.engine.inspect import list_dead_letters

        start = parse_id(before) if before else None
        page = call.on_database(
            lambda database: list_dead_letters(database, call.tenant, queue=queue, name=name, before=start, limit=limit)
        )
        document = {"items": task_documents(page), "next_before": next_before(page, limit)}
        call.answer(document, lambda: _table(page, limit))

    @command(letters, "redrive")
    def redrive(
        call: Call,
        tasks: Annotated[list[str] | None, typer.Argument(metavar="[TASK]…", help="These.", show_default=False)] = None,
        *,
        everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
        queue: Queue = None,
        name: Name = None,
        limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 1_000,
    ) -> None:
        """Put dead letters back to work: by id, of a queue, of a handler, or all; oldest first."""
        from uuid import UUID

        from rowlock.domain.errors import InvalidArgument
        from rowlock.domain.ids import parse_id
        from rowlock.engine.operate import Actor, redrive_dead, redrive_task
        from rowlock.store.database import Database

        ids = [parse_id(task) for task in tasks or []]
        if bool(ids) == bool(everything or queue or name):
            raise InvalidArgument("Name tasks by their ids, or say which by --queue, --name or --all.")

        async def work(database: Database) -> list[UUID]:
            if not ids:
                return await redrive_dead(
                    database, call.tenant, queue=queue, name=name, limit=limit, actor=Actor(call.actor)
                )
            for task_id in ids:
                await redrive_task(database, call.tenant, task_id, actor=Actor(call.actor))
            return ids

        redriven = call.on_database(work)
        said = "1 task is" if len(redriven) == 1 else f"{len(redriven)} tasks are"
        call.answer({"redriven": redriven}, lambda: f"{said} back at work.")


def _table(page: Sequence[ListedTask], limit: int) -> RenderableType:
    from datetime import UTC, datetime

    from rich.console import Group

    from rowlock.cli.output import age, table
    from rowlock.cli.pages import next_before

    if not page:
        return "No dead letters."
    now = datetime.now(UTC)
    rows = [
        (each.task.id, age(each.task.finished_at, now), each.task.name, each.task.reason, each.task.error)
        for each in page
    ]
    made = table(("TASK", "DIED", "NAME", "REASON", "ERROR"), rows)
    more = next_before(page, limit)
    return Group(made, "", f"More: --before {more}") if more else made
