"""What the log lines of a piece of work have in common: task, attempt, worker, tenant, request.

One context variable holds all of it, so that binding costs about a microsecond; structlog's own,
with one variable per key, costs 12, which is more than all else that Python does for a small task.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar, Token
from typing import TypedDict, Unpack
from uuid import UUID

from structlog.typing import EventDict, WrappedLogger


class LogContext(TypedDict, total=False):
    """The keys that can be bound."""

    task_id: UUID | str
    attempt: int
    worker: int | str
    tenant_id: str
    request_id: str
    queue: str
    task_name: str


Bound = Mapping[str, object] | Callable[[], LogContext]
_context: ContextVar[Bound] = ContextVar("rowlock_log_context", default={})  # noqa: B039 - never changed in place


class bind:  # noqa: N801 - reads as the verb it is: `with bind(task_id=…):`
    """Context manager: lines logged inside, or in what is awaited or spawned there, carry these."""

    __slots__ = ("_fields", "_token")

    def __init__(self, **fields: Unpack[LogContext]) -> None:
        self._fields = fields

    def __enter__(self) -> None:
        self._token: Token[Bound] = _context.set({**_bound(), **self._fields})

    def __exit__(self, *_: object) -> None:
        _context.reset(self._token)


def bind_later(fields: Callable[[], LogContext]) -> Token[Bound]:
    """Like `bind`, with fields that are asked for when a line is logged; nothing that was bound around it is kept."""
    return _context.set(fields)


def unbind(token: Token[Bound]) -> None:
    """Ends what `bind_later` began."""
    _context.reset(token)


def _bound() -> Mapping[str, object]:
    bound = _context.get()
    return bound() if callable(bound) else bound


def merge_context(_logger: WrappedLogger, _method: str, event_dict: EventDict) -> EventDict:
    """Processor: add what is bound; the event's own keys win."""
    return {**_bound(), **event_dict}
