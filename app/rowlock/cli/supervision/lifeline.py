"""How children notice that their supervisor is gone, even when it was killed and could say nothing.

The supervisor keeps the write end of a pipe and never writes; every child inherits the read end. When the supervisor
ends, however it ends, the kernel closes the pipe and the children read its end.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

VARIABLE = "ROWLOCK_LIFELINE"


class Lifeline:
    """The supervisor's side."""

    def __init__(self) -> None:
        self.child_end, self._own_end = os.pipe()

    @property
    def environment(self) -> dict[str, str]:
        """What tells a child which of its descriptors to watch."""
        return {VARIABLE: str(self.child_end)}

    def close(self) -> None:
        os.close(self.child_end)
        os.close(self._own_end)


def follow_lifeline(on_end: Callable[[], object]) -> None:
    """Calls `on_end` in the running loop once the supervisor is gone; does nothing where there is none."""
    number = os.environ.pop(VARIABLE, "")  # not for what this process starts itself
    if not number.isdecimal():
        return
    descriptor = int(number)
    os.set_inheritable(descriptor, False)
    loop = asyncio.get_running_loop()

    def look() -> None:
        if os.read(descriptor, 1) == b"":
            loop.remove_reader(descriptor)
            os.close(descriptor)
            on_end()

    loop.add_reader(descriptor, look)
