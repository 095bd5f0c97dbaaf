"""How a bug is planted for the length of a block: in a statement, in a function of the database, or in a module.

A bug is a change of the product's own text, and planting it fails where that text is no longer there: a bug that
silently changed nothing would make its test pass for the wrong reason.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from unittest.mock import patch

from tests.harness.installation import Installation

from rowlock.store import links
from rowlock.store.statements import statement

Change = tuple[str, str]


@contextmanager
def in_statement(name: str, *changes: Change) -> Iterator[None]:
    """The statement as it would be with the bug in it."""
    changed = _changed(statement(name), changes)

    def planted(asked: str, schema: str = "rowlock") -> str:
        return changed if asked == name else statement(asked, schema)

    with patch.object(links, "statement", planted):
        yield


@asynccontextmanager
async def in_function(here: Installation, name: str, *changes: Change) -> AsyncIterator[None]:
    """The same for a function of the test's own database, which is dropped after it."""
    [(text,)] = await here.query("SELECT pg_get_functiondef(%(name)s::regproc)", {"name": f"rowlock.{name}"})
    await here.query(_changed(text, changes))
    yield


def _changed(text: str, changes: tuple[Change, ...]) -> str:
    for old, new in changes:
        assert old in text, f"There is no {old!r} any more to plant the bug in."
        text = text.replace(old, new)
    return text
