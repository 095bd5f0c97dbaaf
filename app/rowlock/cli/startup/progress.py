"""Telling what `rowlock up` is doing: a line for each step, with the time it took, and a spinner while it lasts."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TextIO, TypeVar

T = TypeVar("T")
NAME_WIDTH = 11


@dataclass(frozen=True)
class Progress:
    """Steps on stdout, or on stderr where stdout belongs to a JSON document. Where nobody reads, the work goes on."""

    json: bool = False

    @property
    def stream(self) -> TextIO:
        """Where all goes but the document."""
        return sys.stderr if self.json else sys.stdout

    async def step(self, name: str, doing: str, work: Awaitable[T], done: str) -> T:
        """Awaits `work`, and says `done` with the seconds it took."""
        from rowlock.cli.output import console

        begun = time.monotonic()
        if not self.json and sys.stdout.isatty():
            with console().status(f"{name:{NAME_WIDTH}} {doing} …"):
                result = await work
        else:
            result = await work
        self.line(name, f"{done} ({time.monotonic() - begun:.1f} s)")
        return result

    def line(self, name: str, text: str) -> None:
        """One fact."""
        self.say(f"{name:{NAME_WIDTH}} {text}")

    def say(self, text: str) -> None:
        """Some lines of text."""
        with contextlib.suppress(OSError, ValueError):
            self.stream.write(f"{text}\n")
            self.stream.flush()

    def document(self, content: dict[str, object]) -> None:
        """The one JSON document."""
        from rowlock.cli.output import print_json

        with contextlib.suppress(OSError, ValueError):
            print_json(content)
