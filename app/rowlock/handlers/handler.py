"""A registered handler: the function, and how its tasks are to be treated."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from rowlock.domain import bounds
from rowlock.domain.errors import ConfigurationError
from rowlock.domain.priorities import Priority, parse_priority
from rowlock.domain.retry import RetryPolicy
from rowlock.domain.versions import Versions
from rowlock.handlers.arguments import Arguments
from rowlock.handlers.context import Context
from rowlock.handlers.module_name import module_name

Executor = Literal["async", "thread", "process"]


@dataclass(frozen=True, slots=True, eq=False)
class Handler:
    """One name's function with its defaults."""

    name: str
    function: Callable[..., Any]
    queue: str
    priority: Priority
    max_attempts: int
    timeout: timedelta | None
    expires_in: timedelta | None
    retry: RetryPolicy
    executor: Executor
    tags: tuple[str, ...]
    payloads: Versions = field(repr=False)
    results: Versions = field(repr=False)
    takes_context: bool
    arguments: Arguments = field(repr=False)

    @property
    def payload_version(self) -> int:
        """Version of the shape of the payloads that it makes."""
        return self.payloads.current

    @property
    def description(self) -> str | None:
        """First line of the function's docstring."""
        lines = (inspect.getdoc(self.function) or "").strip().splitlines()
        return lines[0] if lines else None

    @property
    def defaults(self) -> dict[str, Any]:
        """What its tasks have unless a call says otherwise, as arguments of `task_request`."""
        return {
            "queue": self.queue,
            "priority": self.priority,
            "max_attempts": self.max_attempts,
            "timeout": self.timeout,
            "expires_in": self.expires_in,
            "tags": self.tags,
            "payload_version": self.payload_version,
        }


def make_handler(
    function: Callable[..., Any],
    *,
    name: str | None,
    queue: str,
    priority: Priority | str | int,
    max_attempts: int | None,
    timeout: timedelta | float | None,
    expires_in: timedelta | float | None,
    retry: RetryPolicy | None,
    executor: Executor | None,
    tags: typing.Sequence[str],
    payload_version: int,
    result_version: int,
    max_payload_bytes: int,
) -> Handler:
    """Checks everything about a handler at the moment it is declared."""
    if not callable(function):
        raise ConfigurationError("@app.task decorates a function.")
    if isinstance(known := getattr(function, "handler", None), Handler):
        raise ConfigurationError(
            f"{known.name!r} is a task already, and @app.task decorates a function: put @app.schedule above @app.task."
        )
    named = bounds.check_name(name or _default_name(function))
    policy = retry or RetryPolicy()
    takes_context = _takes_context(named, function)
    is_async = inspect.iscoroutinefunction(function)
    chosen: Executor = executor or ("async" if is_async else "thread")
    if (chosen == "async") != is_async:
        raise ConfigurationError(
            f"Handler {named!r} is {'an async' if is_async else 'a plain'} function, "
            f"so it cannot run with executor={chosen!r}."
        )
    if timeout is not None and not isinstance(timeout, timedelta):
        timeout = bounds.duration(timeout, field="timeout")
    if expires_in is not None and not isinstance(expires_in, timedelta):
        expires_in = bounds.duration(expires_in, field="expires_in")
    return Handler(
        name=named,
        function=function,
        queue=bounds.check_queue(queue),
        priority=parse_priority(priority),
        max_attempts=bounds.check_max_attempts(policy.max_attempts if max_attempts is None else max_attempts),
        timeout=None if timeout is None else bounds.check_timeout(timeout),
        expires_in=None if expires_in is None else bounds.check_expires_in(expires_in),
        retry=policy,
        executor=chosen,
        tags=tuple(bounds.check_tags(list(tags))),
        payloads=Versions(named, "payload", payload_version),
        results=Versions(named, "result", result_version),
        takes_context=takes_context,
        arguments=Arguments(named, function, skip_first=takes_context, max_bytes=max_payload_bytes),
    )


def _default_name(function: Callable[..., Any]) -> str:
    module = module_name(function)
    if module is None:
        raise ConfigurationError(
            f"Handler {function.__qualname__!r} is in no module that a worker could import, so it needs a name: "
            'say @app.task(name="…"), or save it in a file.'
        )
    return f"{module}.{function.__qualname__}".replace("<locals>.", "")


def _takes_context(name: str, function: Callable[..., Any]) -> bool:
    """Whether the first parameter is annotated `Context`; elsewhere it is a mistake."""
    try:
        hints = typing.get_type_hints(function)
    except (NameError, TypeError, AttributeError) as error:
        raise ConfigurationError(f"The annotations of handler {name!r} cannot be read: {error}.") from error
    parameters = list(inspect.signature(function).parameters)
    places = [index for index, parameter in enumerate(parameters) if hints.get(parameter) is Context]
    if places not in ([], [0]):
        raise ConfigurationError(f"Handler {name!r} must take its Context as the first parameter.")
    return places == [0]
