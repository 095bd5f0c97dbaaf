"""Passing on what children write, line by line, so that two of them never share a line."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TextIO

LONGEST_LINE = 65_536
CHUNK = 65_536
COLOURS = (36, 35, 33, 32, 34)


class Lines:
    """Cuts a stream of bytes into lines; one that is too long is passed on in pieces."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        yield from whole
        while len(self._rest) > LONGEST_LINE:
            piece, self._rest = self._rest[:LONGEST_LINE], self._rest[LONGEST_LINE:]
            yield piece

    def end(self) -> Iterator[bytes]:
        if self._rest:
            yield self._rest
            self._rest = b""


def prefix_of(name: str, position: int, width: int, *, structured: bool) -> bytes:
    """What stands before each line of a child. JSON lines name their process themselves and must stay JSON."""
    if structured:
        return b""
    text = f"{name:{width}} | "
    coloured = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    return (f"\x1b[{COLOURS[position % len(COLOURS)]}m{text}\x1b[0m" if coloured else text).encode()


async def pass_on(reader: asyncio.StreamReader, writer: TextIO, prefix: bytes) -> None:
    """Copies lines until the child's end of the stream is closed."""
    lines = Lines()
    while chunk := await reader.read(CHUNK):
        _write(writer, prefix, lines.feed(chunk))
    _write(writer, prefix, lines.end())


def _write(writer: TextIO, prefix: bytes, lines: Iterator[bytes]) -> None:
    text = b"".join(b"%b%b\n" % (prefix, line) for line in lines)
    # A reader who has left must not end the work: what nobody reads is let go.
    with contextlib.suppress(OSError, ValueError):
        writer.write(text.decode(errors="replace"))
        writer.flush()
