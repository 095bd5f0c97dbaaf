"""How long a supervisor lets its children be that are to end: as long as they allow themselves, and a margin."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import pytest

from rowlock.cli.supervision import supervisor
from rowlock.cli.supervision.child import Child, ChildSpec
from rowlock.cli.supervision.supervisor import Supervisor


class Stubborn:
    """A child that heeds no signal but SIGKILL."""

    name = "worker"

    def __init__(self) -> None:
        self.watched, self.killed = asyncio.Event(), asyncio.Event()
        self.terminated = 0

    async def ended(self) -> int:
        self.watched.set()
        await self.killed.wait()
        return -signal.SIGKILL

    def terminate(self) -> None:
        self.terminated += 1

    def kill(self) -> None:
        self.killed.set()


@pytest.mark.parametrize(("hurried", "patience", "signals"), [(False, "0.7", 1), (True, "0.3", 2)])
async def test_a_child_may_take_the_time_that_it_allows_itself(
    monkeypatch: pytest.MonkeyPatch, hurried: bool, patience: str, signals: int
) -> None:
    """To drain, unless it hurries; to stop what still runs; and a margin."""
    child = Stubborn()
    told: list[str] = []

    async def start(*_: object, **__: object) -> Any:
        return child

    monkeypatch.setattr(Child, "start", start)
    monkeypatch.setattr(supervisor, "MARGIN_SECONDS", 0.1)
    supervised = Supervisor(
        [ChildSpec("worker", ["worker"])], drain_seconds=0.4, force_seconds=0.2, log_format="json", tell=told.append
    )
    stop, hurry = asyncio.Event(), asyncio.Event()
    running = asyncio.create_task(supervised.run(stop, hurry))
    await child.watched.wait()
    stop.set()
    if hurried:
        hurry.set()
    await running
    assert told[0] == f"worker did not end within {patience} s and is killed."
    assert child.terminated == signals
