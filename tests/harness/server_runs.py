"""One run of the tests: the folder that its controller and its xdist workers share, and its end.

Only the controller begins and ends a run. Ctrl-C, SIGTERM and SIGHUP end it in order; what a SIGKILL
leaves behind is ended by the next run, which recognises it by the dead pid in the folder's name.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from pathlib import Path
from types import FrameType

import psutil

VARIABLE = "ROWLOCK_TEST_RUN"
NAME = "rowlock-tests"
MEMORY_FOLDER = Path("/dev/shm")
MEMORY_NEEDED = 4 << 30


def fsync_wanted() -> bool:
    """Whether the tests' own server must be as durable as a real one."""
    return os.environ.get("ROWLOCK_TEST_FSYNC", "").lower() == "on"


def begin_run() -> Path:
    """Makes the run's folder, and names it to the workers that will come of this program."""
    folder = Path(tempfile.mkdtemp(prefix=f"{NAME}-{os.getpid()}-", dir=_base_folder()))
    os.environ[VARIABLE] = str(folder)
    _end_in_order_when_told_to()
    return folder


def current_run() -> Path:
    """The folder of the run that this program takes part in."""
    return Path(os.environ[VARIABLE])


def end_run(folder: Path) -> None:
    """Forgets the run's folder, whose server has been stopped."""
    shutil.rmtree(folder, ignore_errors=True)


def abandoned_runs() -> list[Path]:
    """Folders of our earlier runs whose controllers were killed."""
    found = [f for base in _base_folders() for f in base.glob(f"{NAME}-*-*")]
    return [f for f in found if _is_ours(f) and not _is_alive(f)]


def _base_folder() -> Path:
    """Memory where there is plenty: a clone takes 25 ms there and 500 ms on a slow disk."""
    roomy = (
        os.access(MEMORY_FOLDER, os.W_OK)
        and shutil.disk_usage(MEMORY_FOLDER).free >= MEMORY_NEEDED
        and psutil.virtual_memory().available >= 2 * MEMORY_NEEDED
    )
    return MEMORY_FOLDER if roomy and not fsync_wanted() else Path(tempfile.gettempdir())


def _base_folders() -> set[Path]:
    return {folder for folder in (MEMORY_FOLDER, Path(tempfile.gettempdir())) if folder.is_dir()}


def _is_ours(folder: Path) -> bool:
    return folder.is_dir() and folder.lstat().st_uid == os.geteuid()


def _is_alive(folder: Path) -> bool:
    pid = folder.name.removeprefix(f"{NAME}-").partition("-")[0]
    try:
        controller = psutil.Process(int(pid))
        return controller.status() != psutil.STATUS_ZOMBIE
    except (ValueError, psutil.NoSuchProcess):
        return False


def _end_in_order_when_told_to() -> None:
    """Turns SIGTERM and SIGHUP into Ctrl-C for this program; its forked children still die of them.

    Raised here and not sent as SIGINT, which a program that a shell put into the background ignores.
    """
    controller = os.getpid()

    def interrupt(number: int, frame: FrameType | None) -> None:
        if os.getpid() == controller:
            raise KeyboardInterrupt
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, interrupt)
