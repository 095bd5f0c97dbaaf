"""What `@app.schedule` makes of a task: the same task, with a schedule that the application declares for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, overload

from rowlock.handlers.context import Context
from rowlock.handlers.handler import Handler
from rowlock.handlers.module_name import module_name
from rowlock.handlers.task import Task

if TYPE_CHECKING:
    from rowlock.client import Rowlock

P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C", bound=Context)


class Scheduling:
    """`@app.schedule(…)`: gives back the task that it is put on; a plain function becomes one first."""

    def __init__(
        self, app: Rowlock, name: str | None, payload: Mapping[str, Any] | None, options: Mapping[str, Any]
    ) -> None:
        self._app = app
        self._declaration = (name, payload, options)

    @overload
    def __call__(self, task: Task[P, R], /) -> Task[P, R]: ...

    @overload
    def __call__(self, function: Callable[Concatenate[C, P], R], /) -> Task[P, R]: ...

    @overload
    def __call__(self, function: Callable[P, R], /) -> Task[P, R]: ...

    def __call__(self, function: Callable[..., Any], /) -> Task[Any, Any]:
        task = function if isinstance(function, Task) else self._app.task(function)
        self._app.schedules.declare(task.handler, *self._declaration)
        return task


def application_name(handlers: Iterable[Handler]) -> str:
    """The package in which the first handler's function lies; for a script, the name of its file."""
    first = next(iter(handlers), None)
    if first is None:
        return "default"
    return (module_name(first.function) or "main").partition(".")[0]
