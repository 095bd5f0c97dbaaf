"""`rowlock handlers`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from rowlock.cli.call import Call, command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from rowlock.store.workers import HandlerRecord


def register(program: typer.Typer) -> None:
    @command(program, "handlers")
    def handlers(call: Call) -> None:
        """List the handlers that workers have registered."""
        from rowlock.cli.documents import document
        from rowlock.engine.inspect import list_handlers

        found = call.on_database(list_handlers)
        call.answer({"items": [document(handler) for handler in found]}, lambda: _table(found))


def _table(found: Sequence[HandlerRecord]) -> RenderableType:
    from rowlock.cli.output import seconds_text, table

    if not found:
        return "No handlers: no worker has registered any yet."
    rows = [
        (
            handler.name,
            handler.queue,
            handler.executor,
            handler.max_attempts,
            seconds_text(handler.timeout_seconds),
            handler.description,
        )
        for handler in found
    ]
    columns = ("HANDLER", "QUEUE", "RUNS IN", "ATTEMPTS", "TIMEOUT", "DESCRIPTION")
    return table(columns, rows, numbers=("ATTEMPTS", "TIMEOUT"))
