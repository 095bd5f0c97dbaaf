"""Servers load structlog without rich, and an application that asks for coloured tracebacks has them all the same."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest

PROGRAM = """
import io, logging, sys
from rowlock.cli.supervision import serving
assert not {"rich", "pygments", "greenlet"} & {name for name in sys.modules}, "loaded already"

import structlog
said = io.StringIO()
structlog.configure(
    processors=[structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.RichTracebackFormatter(width=80))],
    logger_factory=structlog.PrintLoggerFactory(said),
)
assert "rich" not in sys.modules, "loaded before its use"
try:
    1 / 0
except ZeroDivisionError:
    structlog.get_logger().error("no luck", exc_info=True)
print(said.getvalue())
import rich.console, rich.traceback
assert rich.traceback.Traceback.from_exception, "not the real one"
"""


@pytest.mark.skipif(find_spec("rich") is None, reason="rich is not installed")
def test_a_coloured_traceback_is_drawn_where_one_is_asked_for() -> None:
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "╭" in ran.stdout
    assert "division by zero" in ran.stdout
