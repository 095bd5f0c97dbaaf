"""The store's functions without an event loop: over a runner that never waits, a coroutine ends at its first step."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Coroutine, Iterator, Mapping
from typing import Any, TypeVar

from rowlock.store.connections import Row
from rowlock.store.sync_database import SyncDatabase

T = TypeVar("T")


class Blocking:
    """A synchronous database as a `Runner`."""

    def __init__(self, database: SyncDatabase) -> None:
        self._database = database

    async def run(self, name: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """Rows of the named statement."""
        return self._database.run(name, parameters)


def at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns, or raises, that awaits nothing but a `Blocking`."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        answer: T = end.value
        return answer
    coroutine.close()
    raise AssertionError("a coroutine over a runner that never waits has waited for something else")


def each_at_once(generator: AsyncGenerator[T, None]) -> Iterator[T]:
    """What an asynchronous generator yields that awaits nothing but a `Blocking`."""
    try:
        while True:
            yield at_once(generator.asend(None))
    except StopAsyncIteration:
        return
