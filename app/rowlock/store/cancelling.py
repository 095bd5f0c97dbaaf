"""Ending tasks that wait for connections.

A pool that hands a connection over in the moment in which its taker is cancelled forgets the cancellation, as does
`asyncio.wait_for` before Python 3.12. Whoever cancels once and waits for the end may then wait for ever.
"""

from __future__ import annotations

import asyncio
from typing import Any

AGAIN_SECONDS = 1.0  # what is being cancelled may have to tell the server first; a stopping worker has five for it


async def cancelled(*tasks: asyncio.Task[Any]) -> None:
    """Cancels tasks, again if need be, until they have ended. What they raise is for whoever else waits for them."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=AGAIN_SECONDS)
