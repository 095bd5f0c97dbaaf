"""An application whose code names a database, and whose handlers run in child processes, which load it anew."""

from __future__ import annotations

import logging

from rowlock import Rowlock

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"

app = Rowlock(database_url=NOWHERE, connect_seconds=0.5)


@app.task(name="leaf")
async def leaf() -> None: ...


@app.task(name="plants", executor="process", max_attempts=1)
def plants(leaves: int) -> None:
    """Enqueues in two ways, and fails where it is to plant too many."""
    leaf.enqueue_sync()
    leaf.enqueue_many_sync([{}] * (leaves - 1))
    if leaves > 3:
        raise ValueError("too many")


def talk() -> None:
    logger = logging.getLogger("shop")
    logger.info("It begins.")
    logger.warning("It has password=hunter2", extra={"token": "hunter2"})


@app.task(name="talks.thread")
def talks_in_a_thread() -> None:
    talk()


@app.task(name="talks.process", executor="process")
def talks_in_a_process() -> None:
    talk()
