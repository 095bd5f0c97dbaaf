"""What `@app.task` makes of a function: callable as before, and enqueueable with checked arguments."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar
from uuid import UUID

from rowlock.domain.priorities import Priority
from rowlock.domain.requests import OnDuplicate, RequestSeries, TaskRequest, task_request, with_defaults
from rowlock.handlers.handler import Handler
from rowlock.handlers.task_handle import TaskHandle

if TYPE_CHECKING:
    from rowlock.client import Rowlock

P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F", bound=Callable[[Any], Any])
KeyOf = str | Callable[[Mapping[str, Any]], str]
_KEYS = ("idempotency_key", "unique_key")


class Enqueueing(Generic[P, R]):
    """A handler with options: the four ways to enqueue."""

    def __init__(self, app: Rowlock, handler: Handler, options: Mapping[str, Any]) -> None:
        self._app = app
        self.handler = handler
        self._options = options

    async def enqueue(self, *args: P.args, **kwargs: P.kwargs) -> TaskHandle:
        """Stores a task with these arguments. Raises `InvalidPayload` where the handler's types refuse them."""
        return (await self._app.submit([self._request(args, kwargs)], **self._where()))[0]

    def enqueue_sync(self, *args: P.args, **kwargs: P.kwargs) -> TaskHandle:
        """`enqueue` for programs without an event loop."""
        return self._app.submit_sync([self._request(args, kwargs)], **self._where())[0]

    async def enqueue_many(self, arguments: Iterable[Mapping[str, Any]]) -> Sequence[TaskHandle]:
        """Stores one task for each mapping of arguments, all or none."""
        return await self._app.submit(self._requests(arguments), **self._where())

    def enqueue_many_sync(self, arguments: Iterable[Mapping[str, Any]]) -> Sequence[TaskHandle]:
        """`enqueue_many` for programs without an event loop."""
        return self._app.submit_sync(self._requests(arguments), **self._where())

    def _where(self) -> dict[str, Any]:
        return {"tenant_id": self._options.get("tenant_id"), "on": self._options.get("on")}

    def _requests(self, arguments: Iterable[Mapping[str, Any]]) -> Sequence[TaskRequest]:
        """One for each; those after the first take its options, unless each has some of its own."""
        left = iter(arguments)
        made = [self._request((), each) for each in islice(left, 1)]
        if not made or self._pattern is None:
            return made + [self._request((), each) for each in left]
        payload = self.handler.arguments.payload
        return RequestSeries.like(made[0], [payload((), each) for each in left])

    def _request(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> TaskRequest:
        payload = self.handler.arguments.payload(args, kwargs)
        if self._pattern is not None:
            return self._pattern.like(payload)
        chosen = self._chosen()
        for key in _KEYS:
            if callable(chosen.get(key)):
                chosen[key] = chosen[key](self.handler.arguments.named(args, kwargs, defaults=True))
        return task_request(self.handler.name, payload, **chosen)

    @functools.cached_property
    def _pattern(self) -> TaskRequest | None:
        """A request of which all others are like, checked once; None where their options are not the same."""
        chosen = self._chosen()
        if chosen.get("id") or any(callable(chosen.get(key)) for key in _KEYS):
            return None
        return task_request(self.handler.name, **chosen)

    def _chosen(self) -> dict[str, Any]:
        options = {name: value for name, value in self._options.items() if name not in ("tenant_id", "on")}
        return with_defaults(self.handler.defaults, options)


class Task(Enqueueing[P, R]):
    """A declared handler: call it to run it here, enqueue it to have it run durably."""

    __name__: str

    def __init__(self, app: Rowlock, handler: Handler) -> None:
        super().__init__(app, handler, {})
        functools.update_wrapper(self, handler.function, updated=())  # its attributes might have our names

    def __call__(self, *args: Any, **kwargs: Any) -> R:
        result: R = self.handler.function(*args, **kwargs)
        return result

    @property
    def name(self) -> str:
        """Name under which tasks for this handler are stored."""
        return self.handler.name

    def upcast(self, from_version: int) -> Callable[[F], F]:
        """Declares how a payload of `from_version` becomes one of the next: `@send.upcast(1)` on `dict -> dict`."""
        return self.handler.payloads.upcast(from_version)

    def upcast_result(self, from_version: int) -> Callable[[F], F]:
        """The same for results: `result()` brings older ones up to the handler's `result_version`."""
        return self.handler.results.upcast(from_version)

    def options(
        self,
        *,
        queue: str | None = None,
        priority: Priority | str | int | None = None,
        delay: timedelta | float | None = None,
        run_at: datetime | None = None,
        max_attempts: int | None = None,
        timeout: timedelta | float | None = None,
        expires_in: timedelta | float | None = None,
        tags: Sequence[str] | None = None,
        idempotency_key: KeyOf | None = None,
        idempotency_ttl: timedelta | None = None,
        unique_key: KeyOf | None = None,
        on_duplicate: OnDuplicate | None = None,
        flow_key: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        id: UUID | None = None,  # noqa: A002 - the field's name everywhere
        tenant_id: str | None = None,
        on: object = None,
    ) -> Enqueueing[P, R]:
        """The same handler with other options for the tasks enqueued through what is returned.

        `expires_in` is how long the task may live, from now: later it is not begun, and what runs of it is stopped.
        `delay` in seconds or as a timedelta, or `run_at`, an aware datetime. `on` is the caller's own connection or
        session: the task then commits and rolls back with it. Keys may be functions of the arguments.
        """
        given = {
            name: value for name, value in locals().items() if name not in ("self", "__class__") and value is not None
        }
        return Enqueueing(self._app, self.handler, given)
