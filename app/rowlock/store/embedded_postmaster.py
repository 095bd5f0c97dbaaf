"""Whether a PostgreSQL server holds a cluster now, by `postmaster.pid` and the running programs.

The file alone proves nothing: it outlives a crash, and its pid may since have been given to
somebody else, even to another PostgreSQL. Nor may `/proc/PID/cwd` be asked first: root in a
container is refused it for other accounts.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from rowlock.domain.errors import DatabaseUnavailable

LOOK_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Postmaster:
    """A server's first process, as its lock file describes it."""

    pid: int
    port: int
    socket_folder: str
    status: str

    @property
    def ready(self) -> bool:
        return self.status == "ready"


def running_postmaster(cluster: Path) -> Postmaster | None:
    """The server that holds `cluster`; None when there is none, whatever a stale file says."""
    postmaster = read_lock_file(cluster)
    return postmaster if postmaster and _holds(postmaster.pid, cluster) else None


def read_lock_file(cluster: Path) -> Postmaster | None:
    """What `postmaster.pid` says, finished or not."""
    try:
        lines = (cluster / "postmaster.pid").read_text(errors="replace").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return None
    pid, _, _, port, socket_folder, _, _, status = (line.strip() for line in (lines + [""] * 8)[:8])
    if not pid.isdecimal():
        return None
    return Postmaster(int(pid), int(port) if port.isdecimal() else 0, socket_folder, status or "starting")


def discard_stale_lock_files(cluster: Path) -> None:
    """Removes the lock files of a dead server whose pid now belongs to another program.

    PostgreSQL discards stale lock files itself, except in that one case (common in containers,
    where pids are small and come back). Its second interlock, the shared memory segment, still
    refuses while orphaned backends live.
    """
    stale = read_lock_file(cluster)
    if stale is None or not psutil.pid_exists(stale.pid):
        return
    if stale.socket_folder:
        Path(stale.socket_folder, f".s.PGSQL.{stale.port}.lock").unlink(missing_ok=True)
    (cluster / "postmaster.pid").unlink(missing_ok=True)


def wait_until_settled(cluster: Path, *, within_seconds: float) -> Postmaster | None:
    """The server once it is ready, or None once there is none; in between it is waited for."""
    deadline = time.monotonic() + within_seconds
    while (postmaster := running_postmaster(cluster)) and not postmaster.ready:
        if time.monotonic() > deadline:
            raise DatabaseUnavailable(
                f"The embedded PostgreSQL of {cluster} is still {postmaster.status} after "
                f"{within_seconds:g} s (it may be recovering from a crash): try again later."
            )
        time.sleep(LOOK_SECONDS)
    return postmaster


def family_of(postmaster: Postmaster) -> list[psutil.Process]:
    """The server's first process and all that it has started: what a stop must end."""
    try:
        first = psutil.Process(postmaster.pid)
        return [first, *first.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def wait_until_ended(family: list[psutil.Process], *, within_seconds: float) -> bool:
    """Whether all ended in time. A zombie has: in a container nobody may ever reap it."""
    deadline = time.monotonic() + within_seconds
    while any(_lives(process) for process in family):
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_SECONDS)
    return True


def _lives(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def _holds(pid: int, cluster: Path) -> bool:
    try:
        process = psutil.Process(pid)
        if not _lives(process) or not process.name().startswith("postgres"):
            return False
        command = process.cmdline()
        if not command or command[0].startswith("postgres:"):  # a backend of some other server
            return False
        if "-D" in command[:-1]:
            return Path(command[command.index("-D") + 1]) == cluster
        return Path(process.cwd()) == cluster
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
