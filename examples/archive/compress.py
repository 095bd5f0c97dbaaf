"""Reading a file once: its digest, its size, and its gzip, a chunk at a time."""

from __future__ import annotations

import hashlib
import os
import stat
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

CHUNK_BYTES = 1 << 20
_GZIP = 16 + zlib.MAX_WBITS  # a gzip header without name or time, so that equal files have equal copies


class NotRegular(OSError):
    """What was a file when the tree was walked is now something else."""


class ChangedMeanwhile(Exception):
    """Somebody wrote to the file while it was read, so its digest is that of no moment."""


@dataclass(frozen=True, slots=True)
class Compressed:
    """What one pass over a file found."""

    sha256: str
    size: int
    compressed: int


def open_regular(path: Path) -> BinaryIO:
    """Opens a regular file, and neither follows a link nor waits for a pipe that has taken its place."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotRegular("It is not a regular file any more")
    return os.fdopen(descriptor, "rb", buffering=0)


def compress(source: BinaryIO, target: BinaryIO, *, read: Callable[[int], None]) -> Compressed:
    """Compresses to `target` and makes it durable; `read` is told the bytes so far after each chunk."""
    before = os.fstat(source.fileno())
    digest, packer, size = hashlib.sha256(), zlib.compressobj(wbits=_GZIP), 0
    while chunk := source.read(CHUNK_BYTES):
        size += len(chunk)
        if size > before.st_size:  # at once, for a log that grows as fast as it is read has no end
            raise ChangedMeanwhile
        digest.update(chunk)
        target.write(packer.compress(chunk))
        read(size)
    target.write(packer.flush())
    target.flush()
    os.fsync(target.fileno())
    after = os.fstat(source.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise ChangedMeanwhile
    return Compressed(digest.hexdigest(), size, target.tell())
