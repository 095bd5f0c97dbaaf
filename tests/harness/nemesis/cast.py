"""The cast of a history: its long-living programs, each with a network of its own, and who starts them again.

`Actor` is one program by its part, whatever process plays it at the moment: `kill` it, `freeze` it, tell it to `stop`.
What ends without having been told to is played by a new process at once, as under any supervisor, and noted.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

from tests.harness.forks import FORKED, start
from tests.harness.proxy import Proxy

Role = Literal["worker", "scheduler", "api", "clients"]
LOOK_SECONDS = 0.02
IN_ORDER = (0, -signal.SIGTERM)  # how a program ends that is told to; the latter where it had only just begun
POISONED = -signal.SIGKILL  # how a worker ends whose handler kills its process


@dataclass
class Actor:
    """One program. `program` is what a process runs, with the environment, the log and the lifeline as arguments."""

    name: str
    role: Role
    program: Callable[..., None]
    environment: Mapping[str, str]
    log: Path
    proxy: Proxy
    arguments: tuple[Any, ...] = ()
    wanted: bool = False
    surprises: list[str] = field(default_factory=list)
    _process: multiprocessing.process.BaseProcess | None = None
    _lifeline: Connection | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} has not been started."
        return self._process.pid or 0

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.is_alive()

    def start(self) -> None:
        """Lets a new process play it, unless one does."""
        self.wanted = True
        if self.runs:
            return
        self._forget()
        other_end, self._lifeline = FORKED.Pipe(duplex=False)
        self._process = FORKED.Process(
            target=self.program,
            name=self.name,
            args=(dict(self.environment), self.log, other_end, *self.arguments),
            daemon=True,
        )
        start(self._process)
        other_end.close()

    def signal(self, number: signal.Signals) -> None:
        if self.runs:
            os.kill(self.pid, number)

    def freeze(self) -> None:
        """What a paused virtual machine, or one that swaps, does."""
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.signal(signal.SIGCONT)

    async def kill(self) -> None:
        """What a power cut does; nobody starts it again until `start`."""
        self.wanted = False
        self.signal(signal.SIGKILL)
        await self.ended(within=10)

    async def stop(self, *, within: float) -> int | None:
        """SIGTERM, and its exit code; None where it does not end in time."""
        self.wanted = False
        self.thaw()
        self.signal(signal.SIGTERM)
        return await self.ended(within=within)

    async def ended(self, *, within: float) -> int | None:
        """Its exit code, once it has ended; None where it runs on."""
        deadline = asyncio.get_running_loop().time() + within
        while self.runs:
            if asyncio.get_running_loop().time() > deadline:
                return None
            await asyncio.sleep(LOOK_SECONDS)
        return self._process.exitcode if self._process else None

    def is_in_order(self, code: int | None) -> bool:
        """Whether one that was told to stop may end with that code: a worker may meet a task that kills it."""
        return code in IN_ORDER or (self.role == "worker" and code == POISONED)

    def end(self) -> None:
        """Leaves no process."""
        self.wanted = False
        if self._process is not None and self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._forget()

    def start_again_if_ended(self) -> None:
        """What a supervisor does. A worker may have been killed by its task; everything else is noted."""
        if not self.wanted or self.runs:
            return
        code = self._process.exitcode if self._process else None
        if self.role == "clients" and code == 0:
            return
        if not (self.role == "worker" and code == POISONED):
            self.surprises.append(f"{self.name} (pid {self.pid}) ended by itself with exit code {code}: see {self.log}")
        self.start()

    def _forget(self) -> None:
        if self._lifeline is not None:
            self._lifeline.close()
            self._lifeline = None
        if self._process is not None:
            self._process.close()
            self._process = None


class Cast:
    """All actors of a history, watched while the block lasts."""

    def __init__(self, actors: list[Actor]) -> None:
        self.actors = actors

    def __getitem__(self, name: str) -> Actor:
        return next(actor for actor in self.actors if actor.name == name)

    def of(self, role: Role) -> list[Actor]:
        return [actor for actor in self.actors if actor.role == role]

    @property
    def surprises(self) -> list[str]:
        return [surprise for actor in self.actors for surprise in actor.surprises]

    async def watch(self) -> None:
        """Starts again whoever ends; until cancelled."""
        while True:
            for actor in self.actors:
                actor.start_again_if_ended()
            await asyncio.sleep(LOOK_SECONDS)

    def end(self) -> None:
        for actor in self.actors:
            actor.thaw()
            actor.end()
