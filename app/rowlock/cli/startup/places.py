"""What one `rowlock up` must have to itself: its data directory and its port. Neither is taken from another."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

from rowlock.domain.errors import ConfigurationError, Conflict

RUN_LOCK = "up.lock"
CHILDREN_LOCK = "up.children.lock"
LOOK_SECONDS = 0.05


class DataDirectory:
    """The embedded server's home, held by one supervisor; its children hold a second lock for as long as they live.

    A supervisor that was killed leaves children that drain; its successor waits for them by that second lock.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.expanduser().resolve()
        self._run_lock: int | None = None
        self._children_lock: int | None = None

    def claim(self) -> None:
        """Raises `Conflict` where another `rowlock up` has it, `ConfigurationError` where it cannot be used."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._run_lock = _open(self.folder / RUN_LOCK)
            self._children_lock = _open(self.folder / CHILDREN_LOCK)
        except OSError as error:
            raise ConfigurationError(
                f"The data directory {self.folder} cannot be used ({error.strerror}): run rowlock as the user it "
                "belongs to, or give another --data-dir."
            ) from error
        if not _lock(self._run_lock):
            holder = os.pread(self._run_lock, 32, 0).decode(errors="replace").strip()
            raise Conflict(
                f"`rowlock up` runs on {self.folder} already (process {holder or 'unknown'}): "
                "use that one, or give another --data-dir."
            )
        os.ftruncate(self._run_lock, 0)
        os.pwrite(self._run_lock, f"{os.getpid()}\n".encode(), 0)

    @property
    def inherited(self) -> list[int]:
        """Descriptors that the children must hold."""
        return [] if self._children_lock is None else [self._children_lock]

    async def wait_for_former_children(
        self, within_seconds: float, stop: asyncio.Event, on_wait: Callable[[], None]
    ) -> bool:
        """Whether the children of a killed predecessor have ended; waits no longer once `stop` is set."""
        assert self._children_lock is not None
        deadline = time.monotonic() + within_seconds
        waited = False
        while not _lock(self._children_lock) and not stop.is_set():
            if time.monotonic() > deadline:
                return False
            if not waited:
                on_wait()
                waited = True
            await asyncio.sleep(LOOK_SECONDS)
        return True

    def release(self) -> None:
        """Lets the next one in."""
        for descriptor in (self._children_lock, self._run_lock):
            if descriptor is not None:
                os.close(descriptor)
        self._run_lock = self._children_lock = None


def free_port(host: str, port: int) -> int:
    """The port, if nobody listens on it; for 0 one that the system chooses. Else `Conflict` or `ConfigurationError`."""
    try:
        addresses = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise ConfigurationError(f"The host {host!r} cannot be found: {error.strerror}.") from error
    family, kind, protocol, _, address = addresses[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise Conflict(
                    f"Port {port} of {host} is in use: stop what listens there, or give another --port."
                ) from error
            raise ConfigurationError(f"Port {port} of {host} cannot be used: {error.strerror}.") from error
        return int(probe.getsockname()[1])


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
