"""`rowlock queues`: how deep they are, and whether they are claimed from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rowlock.cli.call import Call, command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from rowlock.engine.queue_board import QueueRecord
    from rowlock.store.database import Database

QueueArgument = Annotated[str, typer.Argument(metavar="QUEUE", help="Name of the queue.", show_default=False)]
EverybodyOption = Annotated[bool, typer.Option("--all-tenants", help="For all tenants.")]


def register(program: typer.Typer) -> None:
    queues = typer.Typer(help="See how deep queues are; pause and resume them.", no_args_is_help=True)
    program.add_typer(queues, name="queues")

    @command(queues, "list")
    def list_queues(call: Call) -> None:
        """List queues with their depth and lag."""
        from rowlock.cli.documents import document
        from rowlock.engine.queue_board import QueueBoard

        async def work(database: Database) -> list[QueueRecord]:
            return await QueueBoard(database).queues(call.tenant)

        found = call.on_database(work)
        call.answer({"items": [document(queue) for queue in found]}, lambda: _table(found))

    @command(queues, "pause")
    def pause(call: Call, queue: QueueArgument, everybody: EverybodyOption = False) -> None:
        """Stop claiming a queue's tasks; running ones go on."""
        from rowlock.engine.operate import Actor, pause_queue

        tenant = "*" if everybody else call.tenant
        changed = call.on_database(lambda database: pause_queue(database, tenant, queue, actor=Actor(call.actor)))
        said = "is paused" if changed else "was paused already"
        call.answer(
            {"queue": queue, "tenant": tenant, "paused": True, "changed": changed}, lambda: f"Queue {queue} {said}."
        )

    @command(queues, "resume")
    def resume(call: Call, queue: QueueArgument, everybody: EverybodyOption = False) -> None:
        """Let a paused queue's tasks be claimed again."""
        from rowlock.engine.operate import Actor, resume_queue

        tenant = "*" if everybody else call.tenant
        changed = call.on_database(lambda database: resume_queue(database, tenant, queue, actor=Actor(call.actor)))
        said = "is resumed" if changed else "was not paused"
        call.answer(
            {"queue": queue, "tenant": tenant, "paused": False, "changed": changed}, lambda: f"Queue {queue} {said}."
        )


def _table(found: Sequence[QueueRecord]) -> RenderableType:
    from rowlock.cli.output import seconds_text, table

    if not found:
        return "No queues: nothing is enqueued, and no worker runs."
    shown = ("ready", "running", "scheduled", "retrying", "blocked")
    rows = [
        (
            queue.name,
            "paused" if queue.paused else "active",
            *(queue.depth[state] for state in shown),
            queue.dead_letters,
            seconds_text(queue.lag_seconds),
            queue.workers,
        )
        for queue in found
    ]
    columns = ("QUEUE", "STATE", "READY", "RUN", "SCHED", "RETRY", "BLOCK", "DEAD", "LAG", "WORKERS")
    return table(columns, rows, numbers=columns[2:])
