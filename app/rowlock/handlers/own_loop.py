"""An event loop for the length of one call, for synchronous code that wants what only a coroutine does."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def in_own_loop(start: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Runs a coroutine to its end and returns what it does; the caller's context variables are seen in it."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(start())
    from concurrent.futures import ThreadPoolExecutor  # loaded by its first use: no worker needs it

    # The loop of this thread is in the midst of whatever calls, so another thread lends one.
    with ThreadPoolExecutor(1) as lender:
        return lender.submit(contextvars.copy_context().run, asyncio.run, start()).result()
