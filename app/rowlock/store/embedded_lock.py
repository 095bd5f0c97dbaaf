"""One starter or stopper of an embedded server at a time, among all programs of the machine.

The lock is the kernel's (`flock`), so it goes with its holder however that ends.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rowlock.domain.errors import DatabaseUnavailable

LOCK_FILE = "postgres.lock"
PATIENCE_SECONDS = 400  # longer than a recovery may take
LOOK_SECONDS = 0.01


@contextmanager
def exclusively(data_dir: Path, *, within_seconds: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Holds the data directory's lock for the block."""
    descriptor = os.open(data_dir / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        _acquire(descriptor, data_dir, time.monotonic() + within_seconds)
        yield
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, data_dir: Path, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise DatabaseUnavailable(
                    "Somebody else has been starting or stopping the embedded PostgreSQL of "
                    f"{data_dir} for too long: try again later."
                ) from None
            time.sleep(LOOK_SECONDS)
        else:
            return
