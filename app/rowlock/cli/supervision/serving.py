"""Running one server of rowlock in the foreground until somebody asks it to stop, or its supervisor is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import typer

from rowlock.cli.exit_codes import ExitCode
from rowlock.cli.supervision.lifeline import follow_lifeline
from rowlock.cli.supervision.signals import listen_for_signals


def run_until_stopped(work: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Runs `work(stop)`, which drains and returns once `stop` is set; a second signal cancels it where it is."""

    async def run() -> None:
        stop = asyncio.Event()
        task = asyncio.current_task()
        assert task is not None
        listen_for_signals(stop, on_second=task.cancel)
        follow_lifeline(stop.set)
        await work(stop)

    try:
        asyncio.run(run())
    except asyncio.CancelledError as error:
        raise typer.Exit(ExitCode.INTERRUPTED) from error
