"""A tree to archive: a few hundred real files, and every kind of name and file that a disk may hold."""

from __future__ import annotations

import os
import shutil
import sysconfig
from pathlib import Path

import pytest

LIBRARY = Path(sysconfig.get_path("stdlib"))
PACKAGES = ("asyncio", "concurrent", "email", "encodings", "importlib", "json", "unittest", "xml")
ODD_FILES = {
    b"empty": b"",
    b"latin-\xe9.txt": b"no UTF-8 name",
    "ümläut.txt".encode(): b"",
    b"line\nbreak": b"one",
    b"carriage\rreturn": b"two",
    b"back\\slash": b"three",
    rb"looks \xff escaped": b"four",
    b"-rf": b"five",
    b"large": bytes(range(256)) * 10_000,
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder with `PACKAGES` of the standard library and `ODD_FILES`, a link, a loop of links and a pipe."""
    root = tmp_path / "tree"
    for package in PACKAGES:
        shutil.copytree(LIBRARY / package, root / package, ignore=shutil.ignore_patterns("__pycache__"))
    odd = root / "odd"
    odd.mkdir()
    for name, content in ODD_FILES.items():
        (odd / os.fsdecode(name)).write_bytes(content)
    (odd / "link").symlink_to("large")
    (odd / "loop").symlink_to("..")
    os.mkfifo(odd / "pipe")
    return root


def regular_files(root: Path) -> list[Path]:
    """What the archive must hold, found in another way than by its own walk."""
    return [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
