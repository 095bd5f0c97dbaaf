"""Supervisors as programs of their own: started, read, interrupted and killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

import psutil
from tests.harness.eventually import eventually_sync

PATIENCE = timedelta(seconds=60)
REPOSITORY = Path(__file__).parents[2]


class Program:
    """`rowlock …` in a session of its own, writing into a file; what goes to stderr into another if that is named."""

    def __init__(
        self, output: Path, arguments: list[str], settings: Mapping[str, str], *, errors: Path | None = None
    ) -> None:
        self.output = output
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("ROWLOCK_")}
        with ExitStack() as opened:
            file = opened.enter_context(output.open("wb"))
            self._process = subprocess.Popen(
                [sys.executable, "-m", "rowlock.cli", *arguments],
                cwd=REPOSITORY,
                env={**inherited, **settings},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=opened.enter_context(errors.open("wb")) if errors else subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def text(self) -> str:
        return self.output.read_text(errors="replace")

    def says(self, pattern: str) -> re.Match[str]:
        """Waits until it has printed that."""

        def found() -> re.Match[str] | None:
            match = re.search(pattern, self.text)
            assert match or self._process.poll() is None, f"It ended without saying {pattern!r}:\n{self.text}"
            return match

        return eventually_sync(found, within=PATIENCE)

    def children(self) -> dict[str, psutil.Process]:
        """Its children by the command that they run; the embedded server is none of them."""
        return {
            " ".join(child.cmdline()).partition("rowlock.cli ")[2].split(" ")[0]: child
            for child in psutil.Process(self.pid).children()
            if "rowlock.cli" in child.cmdline()
        }

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def ends(self) -> int:
        """Waits for the end; the exit code."""
        return self._process.wait(timeout=PATIENCE.total_seconds())

    def put_away(self) -> None:
        """Ends what a failed test has left."""
        if self._process.poll() is None:
            self.send(signal.SIGTERM)
            self.ends()


@contextmanager
def program(output: Path, *arguments: str, errors: Path | None = None, **settings: object) -> Iterator[Program]:
    """A running command with these settings."""
    given = {f"ROWLOCK_{name.upper()}": str(value) for name, value in settings.items()}
    running = Program(output, list(arguments), given, errors=errors)
    try:
        yield running
    finally:
        running.put_away()


def all_gone(processes: list[psutil.Process]) -> bool:
    """Whether none of them runs any more."""
    return not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in processes)
