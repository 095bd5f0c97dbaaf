r"""File names as text and back.

A file name on POSIX is bytes, and a payload is JSON. UTF-8 names read as themselves; any other byte becomes `\xff`, and
so a backslash becomes two. Each name has one text, and each text one name.
"""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePath

_ESCAPE = re.compile(rb"\\(\\|x[0-9a-f]{2})")


def text_of(path: PurePath) -> str:
    """The name as text that JSON and PostgreSQL can hold."""
    return os.fsencode(path).replace(b"\\", rb"\\").decode("utf-8", "backslashreplace")


def path_of(text: str) -> Path:
    """The name that `text_of` wrote."""
    return Path(os.fsdecode(name_of(text)))


def name_of(text: str) -> bytes:
    """The same as the bytes that the file system holds."""
    return _ESCAPE.sub(lambda match: _byte(match[1]), text.encode())


def _byte(escaped: bytes) -> bytes:
    return escaped if escaped == b"\\" else bytes([int(escaped[1:], 16)])
