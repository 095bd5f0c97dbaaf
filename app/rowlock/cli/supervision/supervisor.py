"""The supervisor: starts children, starts them again when they die, and ends them all together.

A child that says that its arguments or settings cannot be used (exit code 2) would say so for ever, so that ends all.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TextIO

from rowlock.cli.exit_codes import ExitCode
from rowlock.cli.supervision.child import Child, ChildSpec, how_it_ended
from rowlock.cli.supervision.lifeline import Lifeline
from rowlock.cli.supervision.log_lines import prefix_of
from rowlock.cli.supervision.restarts import Restarts

# Beyond what the children allow themselves to drain and to stop what still runs: their last claim takes up to three
# seconds, and what they write at their end up to fifteen.
MARGIN_SECONDS = 20.0


def grace_seconds(drain_seconds: float, force_seconds: float) -> float:
    """How long children may take to end by themselves."""
    return drain_seconds + force_seconds + MARGIN_SECONDS


class Supervisor:
    """Children under one roof. `tell` takes sentences for people; children keep `inherited` descriptors open.

    What they write to stdout goes to `output`, by default ours.
    """

    def __init__(
        self,
        specs: Sequence[ChildSpec],
        *,
        drain_seconds: float,
        force_seconds: float,
        log_format: str | None,
        tell: Callable[[str], None],
        inherited: Sequence[int] = (),
        output: TextIO | None = None,
    ) -> None:
        self._specs = list(specs)
        self._grace_seconds = grace_seconds(drain_seconds, force_seconds)
        self._hurried_seconds = grace_seconds(0, force_seconds)
        self._log_format = log_format or ("console" if sys.stderr.isatty() else "json")
        self._tell = tell
        self._inherited = list(inherited)
        self._output = output or sys.stdout
        self._lifeline = Lifeline()
        self._unusable: str | None = None

    async def run(self, stop: asyncio.Event, hurry: asyncio.Event) -> int:
        """Returns when all children have ended: after `stop`, or because one can never work. The exit code."""
        try:
            async with asyncio.TaskGroup() as group:
                for position, spec in enumerate(self._specs):
                    group.create_task(self._keep(position, spec, stop, hurry))
        finally:
            self._lifeline.close()
        if self._unusable:
            self._tell(self._unusable)
            return ExitCode.INVALID
        return ExitCode.DONE

    async def _keep(self, position: int, spec: ChildSpec, stop: asyncio.Event, hurry: asyncio.Event) -> None:
        restarts = Restarts()
        while not stop.is_set():
            begun = time.monotonic()
            try:
                child = await self._start(position, spec)
            except OSError as error:  # no memory, no process ids: may pass
                self._tell(f"{spec.name} cannot be started: {error.strerror}.")
                await _wait(stop, restarts.pause_after(0))
                continue
            code = await self._until_it_ends(child, stop, hurry)
            if stop.is_set():
                return
            if code == ExitCode.INVALID:
                self._unusable = f"{spec.name} cannot run with these settings, so everything is stopped."
                stop.set()
                return
            pause = restarts.pause_after(time.monotonic() - begun)
            self._tell(f"{spec.name} {how_it_ended(code)}; it starts again in {pause:g} s.")
            await _wait(stop, pause)

    async def _start(self, position: int, spec: ChildSpec) -> Child:
        width = max(len(each.name) for each in self._specs)
        return await Child.start(
            spec,
            prefix=prefix_of(spec.name, position, width, structured=self._log_format == "json"),
            output=self._output,
            environment={**self._lifeline.environment, **self._log_environment()},
            inherited=[self._lifeline.child_end, *self._inherited],
        )

    async def _until_it_ends(self, child: Child, stop: asyncio.Event, hurry: asyncio.Event) -> int:
        """The exit code; after `stop` the child has the grace period, and after `hurry` a short one."""
        ended = asyncio.create_task(child.ended())
        await _either(ended, stop)
        if ended.done():
            return ended.result()
        child.terminate()
        await _either(ended, hurry, self._grace_seconds)
        patience = self._grace_seconds
        if not ended.done() and hurry.is_set():
            child.terminate()  # it hurries: gives back what it holds, and goes
            patience = self._hurried_seconds
            await asyncio.wait({ended}, timeout=patience)
        if not ended.done():
            self._tell(f"{child.name} did not end within {patience:g} s and is killed.")
            child.kill()
        code = await ended
        as_asked = code in (ExitCode.DONE, ExitCode.INTERRUPTED, -signal.SIGTERM)
        self._tell(f"{child.name} has ended." if as_asked else f"{child.name} {how_it_ended(code)}.")
        return code

    def _log_environment(self) -> Mapping[str, str]:
        """Children write to a pipe, so they must be told what our own terminal can show."""
        return {"ROWLOCK_LOG_FORMAT": self._log_format, "PYTHONUNBUFFERED": os.environ.get("PYTHONUNBUFFERED", "1")}


async def _wait(event: asyncio.Event, seconds: float) -> None:
    """Waits for the event, but no longer than that."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return


async def _either(task: asyncio.Task[int], event: asyncio.Event, seconds: float | None = None) -> None:
    """Waits until the task has ended or the event is set, but no longer than that."""
    happening = asyncio.create_task(event.wait())
    try:
        await asyncio.wait({task, happening}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        happening.cancel()
