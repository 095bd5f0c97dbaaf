"""What a worker asks of the database in its rounds, and what it says when nothing comes back.

Nothing bounds how long an answer may take: a table may be locked, a disk stand still, and a COMMIT wait for a
synchronous standby that is away. A worker that merely waits would show as healthy for as long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from rowlock.domain.errors import DatabaseUnavailable
from rowlock.domain.trouble import Trouble
from rowlock.store.refusals import refusing
from rowlock.telemetry.condition import Condition

SHORTEST_PATIENCE_SECONDS = 3.0  # for whom the lock of a lane is held for two is not in trouble


@contextmanager
def asking(condition: Condition, duty: str, *, patience_seconds: float) -> Iterator[None]:
    """The duty is in trouble while the block waits for longer than that. Whoever says that it is well again knows it by
    the answer. A refusal is the domain's error, whatever it is."""
    patience = max(patience_seconds, SHORTEST_PATIENCE_SECONDS)

    # By the event loop, so that one which stands still does not take that for the database's silence.
    def tell() -> None:
        condition.troubled(duty, _silence(patience))

    timer = asyncio.get_running_loop().call_later(patience, tell)
    try:
        with refusing():
            yield
    finally:
        timer.cancel()


def _silence(seconds: float) -> DatabaseUnavailable:
    return DatabaseUnavailable(
        f"The database has not answered for {seconds:g} s and longer: see whether rowlock's tables are locked, "
        "its disk stands still, or a synchronous standby is away.",
        trouble=Trouble.NO_ANSWER,
    )
