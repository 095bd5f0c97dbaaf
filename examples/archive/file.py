"""`archive.file`: the compressed copy of one file, and its digest."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import TypedDict

from rowlock import Cancel, Context, Fail, Retry

from .app import app
from .compress import ChangedMeanwhile, Compressed, NotRegular, compress, open_regular
from .folders import Folders, folders

PROGRESS_BYTES = 64 << 20
# What another attempt cannot mend. A disk that is full or fails may be better in a moment.
UNREADABLE = {errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.ELOOP}
UNNAMEABLE = {errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG}


class Archived(TypedDict):
    """Result of one file. `path` is relative to the root, `size` and `compressed` are bytes."""

    path: str
    sha256: str
    size: int
    compressed: int


@app.task(name="archive.file", tags=["archive"])
def archive_file(context: Context, root: str, out: str, path: str) -> Archived:
    """Compresses one file of a tree and returns its digest.

    A plain function, so it runs in a thread: reading and compressing are not the event loop's work. It may run twice,
    as any task may: each attempt writes under a name of its own and then renames, so a copy is either absent or whole.
    """
    places = folders(root, out)
    partial = places.partial(context.task_id, context.lease_token)
    try:
        found = _compress(places, path, partial, context)
        _rename(partial, places, path)
    except ChangedMeanwhile as error:
        raise Retry(f"The file {path!r} was written to while it was read.") from error
    finally:
        partial.unlink(missing_ok=True)
    return Archived(path=path, sha256=found.sha256, size=found.size, compressed=found.compressed)


def _compress(places: Folders, path: str, partial: Path, context: Context) -> Compressed:
    try:
        source = open_regular(places.source(path))
    except OSError as error:
        if isinstance(error, NotRegular) or error.errno in UNREADABLE:
            raise Fail(f"The file {path!r} cannot be read: {error.strerror or error}.") from error
        raise
    with source, partial.open("wb") as target:
        return compress(source, target, read=_watch(context))


def _rename(partial: Path, places: Folders, path: str) -> None:
    copy = places.copy(path)
    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        partial.replace(copy)
    except OSError as error:
        if error.errno in UNNAMEABLE:
            raise Fail(f"The copy of {path!r} cannot be named files/{path}.gz: {error.strerror}.") from error
        raise


def _watch(context: Context) -> Callable[[int], None]:
    """Reports the progress of large files, and ends the attempt when it is no longer wanted."""
    reported = 0

    def read(size: int) -> None:
        nonlocal reported
        if context.cancelled:
            raise Cancel("Archiving was cancelled.")
        if size - reported >= PROGRESS_BYTES:
            reported = size
            context.progress_sync(size, message="bytes read")

    return read
