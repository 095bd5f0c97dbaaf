"""From signals to events: the first SIGTERM, SIGINT or SIGHUP asks to stop, the second to hurry."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable


def listen_for_signals(
    stop: asyncio.Event,
    *,
    on_first: Callable[[], object] = lambda: None,
    on_second: Callable[[], object] = lambda: None,
) -> None:
    """Installs the handlers in the running loop."""

    def heard() -> None:
        if stop.is_set():
            on_second()
        else:
            stop.set()
            on_first()

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, heard)
    # Also where a shell has started us with SIGINT ignored, as it does behind `&`.
    loop.add_signal_handler(signal.SIGINT, heard)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup means to outlive its terminal
        loop.add_signal_handler(signal.SIGHUP, heard)
