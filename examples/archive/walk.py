"""Walking a tree: every regular file below a folder, in a stable order, without following symbolic links."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .names import text_of

NOTED = 20  # unreadable folders named one by one; the others are only counted

_KINDS = {
    stat.S_IFLNK: "symbolic links",
    stat.S_IFIFO: "pipes",
    stat.S_IFSOCK: "sockets",
    stat.S_IFCHR: "devices",
    stat.S_IFBLK: "devices",
}


@dataclass(slots=True)
class Walk:
    """One walk below `root` that leaves out the folder `out`. What it passes over, it counts."""

    root: Path
    out: Path
    counts: Counter[str] = field(default_factory=Counter)
    unreadable: list[dict[str, str]] = field(default_factory=list)

    def files(self) -> Iterator[str]:
        """Paths relative to the root, as text. Remembers the folders still to read, and one folder's names."""
        folders = [self.root]
        while folders:
            below = []
            for entry in self._entries(folders.pop()):
                path, kind = Path(entry.path), self._kind(entry)
                if kind == "folder":
                    if path != self.out:
                        below.append(path)
                elif kind == "file":
                    yield text_of(path.relative_to(self.root))
                else:
                    self.counts[kind] += 1
            folders += reversed(below)

    @property
    def passed_over(self) -> dict[str, Any]:
        """What is not archived: counts by kind, and the first folders that could not be read."""
        return {"counts": dict(self.counts), "unreadable_folders": self.unreadable}

    def _entries(self, folder: Path) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except OSError as error:  # unreadable, or gone since its parent was read
            self.counts["unreadable folders"] += 1
            if len(self.unreadable) < NOTED:
                reason = error.strerror or str(error)
                self.unreadable.append({"path": text_of(folder.relative_to(self.root)), "reason": reason})
            return []

    @staticmethod
    def _kind(entry: os.DirEntry[str]) -> str:
        if entry.is_dir(follow_symlinks=False):
            return "folder"
        if entry.is_file(follow_symlinks=False):
            return "file"
        try:
            mode = entry.stat(follow_symlinks=False).st_mode
        except OSError:
            return "vanished"
        return _KINDS.get(stat.S_IFMT(mode), "other")
