"""What the database refuses, as an error of the domain's whatever it is: for those who must go on nevertheless."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg

from rowlock.domain.errors import DatabaseUnavailable
from rowlock.domain.trouble import Trouble
from rowlock.store.connections import Row
from rowlock.store.links import Runner
from rowlock.store.troubles import sentence


class Refusing:
    """A runner that raises nothing of the driver's. Elsewhere a state that has no name in the domain is a defect, and
    is shown as it is; a trigger of the database's owner may raise any."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    async def run(self, name: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """Runs one statement by name."""
        try:
            return await self._runner.run(name, parameters)
        except psycopg.Error as error:
            text = (error.diag.message_primary or str(error)).strip().rstrip(".")
            raise DatabaseUnavailable(sentence(Trouble.OTHER, text), trouble=Trouble.OTHER) from error
