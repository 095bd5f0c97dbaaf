"""An application whose handlers enqueue in every way that a handler can, for tests of where their tasks are stored."""

from __future__ import annotations

import psycopg

from rowlock import Rowlock

app = Rowlock()


@app.task(name="leaf")
async def leaf(by: str) -> None:
    """Does nothing."""


@app.task(name="by.loop")
async def by_loop() -> None:
    """Enqueues from the event loop."""
    await leaf.enqueue("loop")


@app.task(name="by.thread")
def by_thread() -> None:
    """Enqueues from a thread."""
    leaf.enqueue_sync("thread")


@app.task(name="by.caller")
def by_caller(url: str) -> None:
    """Enqueues in a transaction of its own."""
    with psycopg.connect(url) as connection:
        leaf.options(on=connection).enqueue_sync("caller")


@app.task(name="by.process", executor="process")
def by_process() -> None:
    """Enqueues from a child process."""
    leaf.enqueue_sync("process")
    app.close_sync()
