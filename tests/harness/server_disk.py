"""A disk of a few MiB that a test can fill and free: a tmpfs, which says ENOSPC as any other file system does.

Mounting takes root, or a `sudo` that asks no password. Unmounted when its server is thrown away.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from pathlib import Path

BALLAST = "ballast"
PIECE = bytes(1 << 16)


class SmallDisk:
    """A tmpfs of `mib` MiB at `folder`, which is made."""

    def __init__(self, folder: Path, *, mib: int) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        _as_root("mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=0777", "tmpfs", str(folder))

    @property
    def free_bytes(self) -> int:
        return shutil.disk_usage(self.folder).free

    def fill(self) -> None:
        """Leaves not a byte. What the server deletes afterwards is its to use again."""
        with (self.folder / BALLAST).open("ab", buffering=0) as file:
            for size in (len(PIECE), 4096, 1):
                _write_until_full(file.fileno(), PIECE[:size])

    def free(self) -> None:
        """Gives back what `fill` took."""
        (self.folder / BALLAST).unlink(missing_ok=True)

    def unmount(self) -> None:
        unmount(self.folder)


def unmount(folder: Path) -> None:
    """Takes the disk away, though somebody may still have files open there."""
    if folder.is_mount():
        _as_root("umount", "--lazy", str(folder))


def small_disks_allowed() -> bool:
    """Whether this account may mount one."""
    if os.geteuid() == 0:
        return True
    return shutil.which("sudo") is not None and subprocess.run(("sudo", "-n", "true"), check=False).returncode == 0


def _write_until_full(descriptor: int, piece: bytes) -> None:
    try:
        while os.write(descriptor, piece):
            pass
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise


def _as_root(*command: str) -> None:
    prefix = () if os.geteuid() == 0 else ("sudo", "-n")
    subprocess.run((*prefix, *command), check=True, stdin=subprocess.DEVNULL)
