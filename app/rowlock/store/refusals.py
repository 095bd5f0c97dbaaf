"""What the database refuses, as an error of the domain's whatever it is: for those who must go on nevertheless."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg

from rowlock.store.connections import Row
from rowlock.store.errors import refusal
from rowlock.store.links import Runner


@contextmanager
def refusing() -> Iterator[None]:
    """Lets out nothing of the driver's. Elsewhere a state that has no name in the domain is a defect, and is shown as
    it is; a trigger of the database's owner may raise any."""
    try:
        yield
    except psycopg.Error as error:
        raise refusal(error) from error


class Refusing:
    """A runner that raises nothing of the driver's."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    async def run(self, name: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """Runs one statement by name."""
        with refusing():
            return await self._runner.run(name, parameters)
