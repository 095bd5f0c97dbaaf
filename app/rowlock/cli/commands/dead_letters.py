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
        """Put dead letters back to work: by id, of a queue, of a handler, or all; oldest first.

        Of several ids, one that is refused leaves the others be: it tells of each what became of it, and exits with the
        code of the first refusal.
        """
        from rowlock.cli.redriving import how_many, redrive_each
        from rowlock.domain.errors import InvalidArgument
        from rowlock.domain.ids import parse_id
        from rowlock.engine.operate import Actor, redrive_dead, redrive_task

        ids, actor = [parse_id(task) for task in tasks or []], Actor(call.actor)
        if bool(ids) == bool(everything or queue or name):
            raise InvalidArgument("Name tasks by their ids, or say which by --queue, --name or --all.")
        if len(ids) > 1:
            done = call.on_database(lambda database: redrive_each(database, call.tenant, ids, actor))
            call.answer(done.document(), done.text)
            raise typer.Exit(done.exit_code)
        if ids:
            call.on_database(lambda database: redrive_task(database, call.tenant, ids[0], actor=actor))
        redriven = ids or call.on_database(
            lambda database: redrive_dead(database, call.tenant, queue=queue, name=name, limit=limit, actor=actor)
        )
        call.answer({"redriven": redriven}, lambda: how_many(len(redriven)))


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
