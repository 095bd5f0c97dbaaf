"""Running one server of rowlock in the foreground until somebody asks it to stop, or its supervisor is gone."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Awaitable, Callable

import typer

from rowlock.cli.collecting import keep_what_is_there
from rowlock.cli.exit_codes import ExitCode
from rowlock.cli.supervision import lean_structlog  # noqa: F401 - before all that logs
from rowlock.cli.supervision.lifeline import follow_lifeline
from rowlock.cli.supervision.signals import listen_for_signals
from rowlock.telemetry.logs import get_logger

STUBBORN_SECONDS = 1.0
_log = get_logger("rowlock.cli")


def run_until_stopped(work: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Runs `work(stop)`, which drains and returns once `stop` is set; a second signal cancels it where it is."""

    async def run(stop: asyncio.Event) -> None:
        task = asyncio.current_task()
        assert task is not None
        listen_for_signals(stop, on_second=task.cancel)
        await work(stop)

    _serve(run)


def run_until_hurried(work: Callable[[asyncio.Event, asyncio.Event], Awaitable[None]]) -> None:
    """Runs `work(stop, hurry)`: a second signal sets `hurry`, and a third one cancels it where it is."""

    async def run(stop: asyncio.Event) -> None:
        hurry = asyncio.Event()
        task = asyncio.current_task()
        assert task is not None
        listen_for_signals(stop, on_second=lambda: task.cancel() if hurry.is_set() else hurry.set())
        await work(stop, hurry)

    _serve(run)


def _serve(work: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    async def run() -> None:
        keep_what_is_there()
        stop = asyncio.Event()
        follow_lifeline(stop.set)
        await work(stop)
        await _leave_the_stubborn_behind()

    try:
        with asyncio.Runner(loop_factory=_event_loop) as runner:
            runner.run(run())
    except asyncio.CancelledError as error:
        raise typer.Exit(ExitCode.INTERRUPTED) from error


def _event_loop() -> asyncio.AbstractEventLoop:
    """uvloop's where there is one (not on Windows), for it spends less on small tasks and requests."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


async def _leave_the_stubborn_behind() -> None:
    """What goes on though it is cancelled would keep the event loop, and so the process, from ever ending."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    if not left:
        return
    _, stubborn = await asyncio.wait(left, timeout=STUBBORN_SECONDS)
    if stubborn:
        _log.warning(
            "Handlers go on though they were cancelled; the process ends without them.", handlers=len(stubborn)
        )
        logging.shutdown()
        sys.stdout.flush()
        os._exit(ExitCode.DONE)
