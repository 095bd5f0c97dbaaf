"""One supervised child: started in a session of its own, ended by SIGTERM and, when it does not heed that, SIGKILL."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TextIO

from rowlock.cli.supervision.log_lines import pass_on

LAST_WORDS_SECONDS = 2.0


@dataclass(frozen=True)
class ChildSpec:
    """What to run: `rowlock` with these arguments, in this process's environment and these variables."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


class Child:
    """A running child."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, prefix: bytes, output: TextIO) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        self.name = name
        self.process = process
        self._streams = [
            asyncio.create_task(pass_on(process.stdout, output, prefix)),
            asyncio.create_task(pass_on(process.stderr, sys.stderr, prefix)),
        ]

    @classmethod
    async def start(
        cls,
        spec: ChildSpec,
        *,
        prefix: bytes,
        output: TextIO,
        environment: Mapping[str, str],
        inherited: Sequence[int],
    ) -> Child:
        """Starts it out of reach of Ctrl-C, with no more descriptors than it needs; its stdout leads to `output`."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "rowlock.cli", *spec.arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **spec.environment, **environment},
            pass_fds=inherited,
            start_new_session=True,
        )  # fmt: skip
        return cls(spec.name, process, prefix, output)

    async def ended(self) -> int:
        """Waits for the end: the exit code, negative for the signal that killed it."""
        code = await self.process.wait()
        # What it started may hold the streams open for longer than anybody wants to wait.
        _, open_ones = await asyncio.wait(self._streams, timeout=LAST_WORDS_SECONDS)
        for stream in open_ones:
            stream.cancel()
        if code < 0:
            self._kill_group()
        return code

    def terminate(self) -> None:
        """Asks it to finish what it does and go."""
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()

    def kill(self) -> None:
        """Ends it, and what it has started, at once."""
        self._kill_group()
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)


def how_it_ended(code: int) -> str:
    """An exit code as people say it."""
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"
