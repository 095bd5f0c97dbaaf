"""What asks a process to end, raised inside a handler: it fails that one attempt.

asyncio lets `SystemExit` and `KeyboardInterrupt` of any of its tasks out of the event loop, though somebody awaits the
task: the worker would end with all that it holds. So neither leaves what runs in a task of its own, as a step does that
is gathered with others.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def kept_in(what: str) -> Iterator[None]:
    """Raises `RuntimeError` in the place of both; `what` raised them, in words."""
    try:
        yield
    except (SystemExit, KeyboardInterrupt) as error:
        raise RuntimeError(f"The {what} raised {error!r}.") from error
