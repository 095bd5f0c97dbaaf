"""`rowlock workers`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rowlock.cli.call import Call, command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from rowlock.store.worker_health import WorkerRecord


def register(program: typer.Typer) -> None:
    @command(program, "workers")
    def workers(
        call: Call,
        every: Annotated[bool, typer.Option("--all", help="Those that have stopped too.")] = False,
        limit: Annotated[int, typer.Option(min=1, max=1_000, help="How many.")] = 100,
    ) -> None:
        """List worker processes: those that are not well first, those that are gone or have stopped last."""
        from rowlock.cli.documents import document
        from rowlock.engine.inspect import list_workers
        from rowlock.store.worker_health import PRESENT

        healths = () if every else PRESENT
        found = call.on_database(
            lambda database: list_workers(database, healths=healths, limit=limit, ailing_first=True)
        )
        call.answer({"items": [document(worker) for worker in found]}, lambda: _table(found))


def _table(found: Sequence[WorkerRecord]) -> RenderableType:
    from datetime import UTC, datetime

    from rich.console import Group

    from rowlock.cli.output import age, details, table

    if not found:
        return "No workers."
    now = datetime.now(UTC)
    rows = [
        (
            worker.id,
            worker.name,
            "draining" if worker.draining and worker.health == "healthy" else worker.health,
            f"{worker.running}/{worker.concurrency}",
            age(worker.heartbeat_at, now),
            ",".join(worker.queues),
        )
        for worker in found
    ]
    made = table(("ID", "WORKER", "HEALTH", "RUNS", "SEEN", "QUEUES"), rows, numbers=("ID", "RUNS", "SEEN"))
    reasons = {
        f"{worker.id} {worker.health}": worker.health_reason
        for worker in found
        if worker.health_reason and worker.health != "stopped"
    }
    return Group(made, "", details(reasons)) if reasons else made
