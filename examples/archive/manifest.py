"""The two files that sum an archive up. Each is written beside its name and then renamed: absent or whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from .names import name_of

_ESCAPES = {b"\\": rb"\\", b"\n": rb"\n", b"\r": rb"\r"}


def manifest_line(sha256: str, path: str) -> bytes:
    r"""One line as `sha256sum` writes it: a name that holds a backslash or a line's end is escaped, and says so."""
    name = name_of(path)
    escaped = name
    for character, escape in _ESCAPES.items():
        escaped = escaped.replace(character, escape)
    mark = b"\\" if escaped != name else b""
    return mark + sha256.encode() + b"  " + escaped + b"\n"


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write to, which takes the place of `path` once the block ends well."""
    beside = path.with_name(f".{path.name}.new")
    with beside.open("wb") as target:
        yield target
        target.flush()
        os.fsync(target.fileno())
    beside.replace(path)
