"""stdout and stderr as commands need them: they take every character and are never missing. What stdout refuses is
told; that nobody reads stderr ends no work."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys
from typing import TYPE_CHECKING, TextIO, cast

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

ESCAPED = "rowlock.escaped"
STDOUT, STDERR = 1, 2


class Unwritten(OSError):
    """stdout has not taken an answer. (That its reader has left is another thing.)"""


def prepare_streams() -> None:
    """What an encoding lacks is written as JSON escapes it, so that documents stay documents. The number of a stream
    that was closed is taken, or the next connection would be given it."""
    codecs.register_error(ESCAPED, _escaped)
    given = cast("TextIO | None", sys.stdout)
    if given is None:
        _take(STDOUT, os.O_RDONLY)  # so that what is written there fails, as it should
        sys.stdout = _stream(_Stdout(STDOUT, "w", closefd=False), "utf-8", by_line=False)
    elif type(given) is io.TextIOWrapper and given.fileno() == STDOUT:  # else it is a test's
        given.flush()
        by_line = given.line_buffering or given.write_through
        sys.stdout = _stream(_Stdout(STDOUT, "w", closefd=False), given.encoding, by_line=by_line)
    if cast("TextIO | None", sys.stderr) is None:
        _take(STDERR, os.O_WRONLY)
        sys.stderr = _stream(io.FileIO(STDERR, "w", closefd=False), "utf-8", by_line=True)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=ESCAPED)


def let_go_of_stdout() -> None:
    """So that not even the interpreter's last flush fails on what could not be written."""
    _let_go(sys.stdout)


def let_go_of_unread_stderr() -> None:
    """The same for stderr, where it still holds what nobody took: that must not change the exit code."""
    try:
        sys.stderr.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError):
            _let_go(sys.stderr)


def say(text: str) -> None:
    """A line on stderr. A reader who has left must not end the work: what nobody reads is let go."""
    with unread():
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


def unread() -> contextlib.AbstractContextManager[None]:
    """For what is written to stderr: that it cannot be changes nothing."""
    return contextlib.suppress(OSError, ValueError)


class _Stdout(io.FileIO):
    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise Unwritten(error.strerror) from error


def _let_go(stream: TextIO) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _take(number: int, flags: int) -> None:
    os.dup2(os.open(os.devnull, flags), number)


def _stream(file: io.FileIO, encoding: str, *, by_line: bool) -> TextIO:
    return io.TextIOWrapper(io.BufferedWriter(file), encoding=encoding, line_buffering=by_line)


def _escaped(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    import json  # not needed by most

    return json.dumps(error.object[error.start : error.end])[1:-1], error.end
