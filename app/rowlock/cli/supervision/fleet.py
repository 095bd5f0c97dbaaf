"""`--processes N`: N workers of one application, or N APIs at one address, under a supervisor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence

from rowlock.api.listener import listen
from rowlock.cli.streams import say
from rowlock.cli.supervision.child import ChildSpec
from rowlock.cli.supervision.environment import child_environment
from rowlock.cli.supervision.signals import listen_for_signals
from rowlock.cli.supervision.supervisor import Supervisor
from rowlock.config import Settings


def supervise_workers(
    settings: Settings, app: str, queues: Sequence[str] | None, processes: int, *, given: Collection[str]
) -> int:
    """Runs until a signal ends it; the exit code. `given` names the settings that were given as flags."""
    arguments = ["worker", app, *(["--queues", ",".join(queues)] if queues else [])]
    return asyncio.run(_supervise(settings, _alike("worker", arguments, settings, processes, given)))


def supervise_apis(settings: Settings, processes: int) -> int:
    """Runs until a signal ends it; the exit code.

    The socket is the supervisor's, and all accept from it: what has not been accepted is safe while one of them dies
    and starts again. It is closed with the first signal, so that nobody waits for an answer from what is ending.
    """
    with listen(settings.host, settings.port) as listener:
        arguments = ["api", "--fd", str(listener.fileno()), "--host", settings.host]
        children = _alike("api", arguments, settings, processes)
        return asyncio.run(_supervise(settings, children, inherited=[listener.fileno()], on_stop=listener.close))


def _alike(
    name: str, arguments: Sequence[str], settings: Settings, processes: int, given: Collection[str] = ()
) -> list[ChildSpec]:
    return [
        ChildSpec(f"{name}-{position + 1}", arguments, child_environment(settings, position=position, given=given))
        for position in range(processes)
    ]


async def _supervise(
    settings: Settings,
    children: Sequence[ChildSpec],
    *,
    inherited: Sequence[int] = (),
    on_stop: Callable[[], None] = lambda: None,
) -> int:
    stop, hurry = asyncio.Event(), asyncio.Event()
    listen_for_signals(stop, on_first=on_stop, on_second=hurry.set)
    supervisor = Supervisor(
        children,
        drain_seconds=settings.drain_seconds,
        force_seconds=settings.force_seconds,
        log_format=settings.log_format,
        tell=say,
        inherited=inherited,
    )
    return await supervisor.run(stop, hurry)
