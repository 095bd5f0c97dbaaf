"""Where a test's own servers lie, and the end of those whose test program was killed.

Each has a folder that names the program that made it. The next program to make one ends what dead programs left: the
server, its small disks, its files.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from pathlib import Path
from secrets import token_hex

import psutil
from tests.harness.server_disk import unmount

from rowlock.store.embedded import EmbeddedServer
from rowlock.store.embedded_postmaster import family_of, running_postmaster
from rowlock.testing.server_runs import base_folder, base_folders

NAME = "rowlock-server"


def new_folder() -> Path:
    """A folder for one more server of this program, in memory where there is plenty."""
    end_abandoned()
    folder = base_folder() / f"{NAME}-{os.getpid()}-{token_hex(4)}"
    folder.mkdir(mode=0o711)
    return folder


def end_folder(folder: Path) -> None:
    """Ends the server of a folder, however it is, and leaves nothing of it."""
    server = EmbeddedServer(folder)
    thaw(server.cluster)
    server.stop("immediate")
    for disk in folder.glob("disk-*"):
        unmount(disk)
    shutil.rmtree(folder)


def freeze(cluster: Path) -> None:
    """Stops every program of the server that holds `cluster`, its first one before all that it could start."""
    _signal_all(cluster, signal.SIGSTOP)


def thaw(cluster: Path) -> None:
    _signal_all(cluster, signal.SIGCONT)


def _signal_all(cluster: Path, number: signal.Signals) -> None:
    postmaster = running_postmaster(cluster)
    for process in family_of(postmaster) if postmaster else ():
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def end_abandoned() -> None:
    for base in base_folders():
        for folder in base.glob(f"{NAME}-*-*"):
            pid = folder.name.removeprefix(f"{NAME}-").partition("-")[0]
            if pid.isdecimal() and not psutil.pid_exists(int(pid)) and folder.stat().st_uid == os.geteuid():
                end_folder(folder)
