"""What becomes of a window that is due while a task of its schedule is still live."""

from __future__ import annotations

from enum import StrEnum


class OverlapPolicy(StrEnum):
    """Whether tasks of one schedule may run beside each other; under all but `allow` one runs at a time."""

    ALLOW = "allow"  # it fires
    SKIP = "skip"  # it is skipped
    BUFFER_ONE = "buffer_one"  # one waits for the one that runs; a third is skipped
    CANCEL_RUNNING = "cancel_running"  # it fires, and what is live is cancelled or asked to stop


OVERLAP = "overlap"  # the reason of a window that was skipped for it
