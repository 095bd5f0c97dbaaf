"""Points an application to a test's database, and back."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType

from rowlock.client import Rowlock


class on_database:  # noqa: N801 - used as a function
    """`with on_database(app, url)`, or `async with` in async tests: for the block, the application uses that database.

    What it opens there is closed at the end of the block; after a plain `with` only the pool of synchronous calls is,
    for closing the other takes an event loop.
    """

    def __init__(self, app: Rowlock, url: str) -> None:
        self._app = app
        self._url = url
        self._exits = ExitStack()

    def __enter__(self) -> Rowlock:
        settings = self._app.settings.model_copy(update={"database_url": self._url})
        self._exits.enter_context(self._app.configured(settings))
        return self._app

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exits.close()

    async def __aenter__(self) -> Rowlock:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._app.close()
        self.__exit__(kind, error, trace)
