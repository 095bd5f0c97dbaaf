"""`rowlock worker --processes N`: N workers of one application under a supervisor."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from rowlock.cli.supervision.child import ChildSpec
from rowlock.cli.supervision.environment import child_environment
from rowlock.cli.supervision.signals import listen_for_signals
from rowlock.cli.supervision.supervisor import Supervisor
from rowlock.config import Settings


def supervise_workers(settings: Settings, app: str, queues: Sequence[str] | None, processes: int) -> int:
    """Runs until a signal ends it; the exit code."""
    arguments = ["worker", app, *(["--queues", ",".join(queues)] if queues else [])]
    specs = [
        ChildSpec(f"worker-{position + 1}", arguments, child_environment(settings, position=position))
        for position in range(processes)
    ]

    async def run() -> int:
        stop, hurry = asyncio.Event(), asyncio.Event()
        listen_for_signals(stop, on_second=hurry.set)
        supervisor = Supervisor(specs, drain_seconds=settings.drain_seconds, log_format=settings.log_format, tell=_tell)
        return await supervisor.run(stop, hurry)

    return asyncio.run(run())


def _tell(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")
