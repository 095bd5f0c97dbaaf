"""What a process inherits by a fork and must leave alone: connections, which only the process that made them may use or
close, and locks, whose holder may be a thread that only the parent has.
"""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


class Forkable(Protocol):
    """Holds connections or locks."""

    def forget_inherited(self) -> None:
        """Called in the child: lets go of connections without closing them, and makes locks anew."""


_forkable: WeakSet[Forkable] = WeakSet()


def begin_anew_after_fork(holder: Forkable) -> None:
    """From now on a child process that is forked off begins with nothing of what `holder` has opened."""
    _forkable.add(holder)


def _forget_inherited() -> None:
    for holder in list(_forkable):
        holder.forget_inherited()


if hasattr(os, "register_at_fork"):  # not on Windows, where there are no forks
    os.register_at_fork(after_in_child=_forget_inherited)
