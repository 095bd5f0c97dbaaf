"""One run of pytest: the folder that its controller and its xdist workers share, and its end.

Naming a run costs nothing; its folder appears with the first test that asks for a server. The controller alone ends it.
Ctrl-C, SIGTERM and SIGHUP can be made to end it in order; what a SIGKILL leaves behind is ended by the next run, which
recognises it by the dead pid in the folder's name.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from pathlib import Path
from secrets import token_hex
from types import FrameType

NAME = "rowlock-tests"
MEMORY_FOLDER = Path("/dev/shm")
MEMORY_NEEDED = 4 << 30


def fsync_wanted() -> bool:
    """Whether the tests' own server must be as durable as a real one."""
    return os.environ.get("ROWLOCK_TEST_FSYNC", "").lower() == "on"


def plan_run() -> Path:
    """The folder that this run will have once it needs one; makes nothing yet."""
    return base_folder() / f"{NAME}-{os.getpid()}-{token_hex(4)}"


def make_run(folder: Path) -> None:
    """Makes the run's folder, for its owner alone; any number of xdist workers may ask for it at once."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if not _is_ours(folder):
        raise PermissionError(f"{folder} belongs to somebody else.")


def end_run(folder: Path) -> None:
    """Forgets the run's folder, whose server has been stopped."""
    shutil.rmtree(folder, ignore_errors=True)


def abandoned_runs() -> list[Path]:
    """Folders of our earlier runs whose controllers were killed."""
    found = [f for base in base_folders() for f in base.glob(f"{NAME}-*-*")]
    return [f for f in found if _is_ours(f) and not _is_alive(f)]


def end_in_order_when_told_to() -> None:
    """Turns SIGTERM and SIGHUP into Ctrl-C for this program; its forked children still die of them.

    Raised here and not sent as SIGINT, which a program that a shell put into the background ignores.
    """
    controller = os.getpid()

    def interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a signal handler's signature
        if os.getpid() == controller:
            raise KeyboardInterrupt
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, interrupt)


def base_folder() -> Path:
    """Memory where there is plenty: a clone takes 25 ms there and 500 ms on a slow disk."""
    roomy = (
        os.access(MEMORY_FOLDER, os.W_OK)
        and shutil.disk_usage(MEMORY_FOLDER).free >= MEMORY_NEEDED
        and _available_memory() >= 2 * MEMORY_NEEDED
    )
    return MEMORY_FOLDER if roomy and not fsync_wanted() else Path(tempfile.gettempdir())


def _available_memory() -> int:
    """Bytes that Linux would hand out; read here, since psutil is slow to load for who only names a run."""
    for line in Path("/proc/meminfo").read_text("ascii").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) << 10
    return 0


def base_folders() -> set[Path]:
    return {folder for folder in (MEMORY_FOLDER, Path(tempfile.gettempdir())) if folder.is_dir()}


def _is_ours(folder: Path) -> bool:
    return folder.is_dir() and not folder.is_symlink() and folder.lstat().st_uid == os.geteuid()


def _is_alive(folder: Path) -> bool:
    import psutil

    pid = folder.name.removeprefix(f"{NAME}-").partition("-")[0]
    try:
        controller = psutil.Process(int(pid))
        return bool(controller.status() != psutil.STATUS_ZOMBIE)
    except (ValueError, psutil.NoSuchProcess):
        return False
