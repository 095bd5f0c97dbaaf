"""The two folders of an archive: `root`, which is read, and `out`, which is written.

What a person named wrongly is `Fail` with a sentence: no retry would mend it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from rowlock import Fail

from .names import path_of


@dataclass(frozen=True, slots=True)
class Folders:
    """Both, absolute and without symbolic links."""

    root: Path
    out: Path

    def source(self, path: str) -> Path:
        """The file below `root` that a task names."""
        return self.root / _below(path)

    def copy(self, path: str) -> Path:
        """Where its compressed copy lies below `out`."""
        below = _below(path)
        return self.out / "files" / below.with_name(below.name + ".gz")

    def partial(self, task_id: UUID, lease_token: int) -> Path:
        """Where an attempt writes before it is done; no other attempt writes there."""
        return self.partials / f"{task_id}.{lease_token}"

    @property
    def partials(self) -> Path:
        return self.out / ".partial"

    @property
    def manifest(self) -> Path:
        return self.out / "manifest.sha256"

    @property
    def summary(self) -> Path:
        return self.out / "summary.json"


def folders(root: str, out: str) -> Folders:
    """Checks what a person named and resolves it; makes `out`. Raises `Fail`."""
    for what, named in (("root", root), ("out", out)):
        if not Path(named).is_absolute():
            raise Fail(f"The {what} must be an absolute path, and {named!r} is not: workers may run in any folder.")
    if not Path(root).is_dir():
        raise Fail(f"The root {root!r} is not a folder on this machine.")
    resolved = Folders(Path(root).resolve(), Path(out).resolve())
    if resolved.root.is_relative_to(resolved.out):
        raise Fail(f"The root {root!r} lies in {out!r}, so the archive would archive itself: choose another out.")
    try:
        resolved.partials.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Fail(f"The folder {out!r} cannot be written: {error.strerror}.") from error
    return resolved


def _below(path: str) -> Path:
    below = path_of(path)
    if below.is_absolute() or ".." in below.parts or not below.name or "\0" in path:
        raise Fail(f"The path {path!r} does not name a file below the root.")
    return below
