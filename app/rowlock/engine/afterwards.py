"""The truth about an act that was done, where the database went away before what came of it could be read.

To pass `DatabaseUnavailable` on would say that nothing was stored, and let callers do it again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rowlock.domain.errors import DatabaseUnavailable, OutcomeUnknown


@contextmanager
def already(done: str) -> Iterator[None]:
    """For reads after an act; `done` says what was done, in the past tense. Raises `OutcomeUnknown`."""
    try:
        yield
    except DatabaseUnavailable as error:
        raise OutcomeUnknown(
            f"{done}, but the database went away before it could be shown. Look it up before you ask for it again."
        ) from error
