"""The Python API: an application declares its handlers on a `Rowlock` and enqueues tasks for them.

app = Rowlock()

@app.task(queue="mail", max_attempts=5)
async def send_mail(to: str) -> None: ...

await send_mail.enqueue(to="ada@example.org")
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, Concatenate, ParamSpec, TypeVar, overload

from rowlock.config import Settings, load_settings
from rowlock.domain.bounds import check_queue
from rowlock.domain.errors import ConfigurationError
from rowlock.domain.lazy import LazySequence
from rowlock.domain.priorities import Priority
from rowlock.domain.requests import RequestSeries, TaskRequest, any_keyed, task_request, with_defaults
from rowlock.domain.retry import RetryPolicy
from rowlock.handlers.backend import Backend, DatabaseBackend
from rowlock.handlers.context import Context, Middleware
from rowlock.handlers.handler import Executor, Handler, make_handler
from rowlock.handlers.operating import Operating
from rowlock.handlers.schedules import Schedules
from rowlock.handlers.scheduling import Scheduling, application_name
from rowlock.handlers.stamps import stamped
from rowlock.handlers.task import Task
from rowlock.handlers.task_handle import TaskHandle
from rowlock.store.database import Database
from rowlock.store.tasks import Stored
from rowlock.telemetry.metrics import process_metrics
from rowlock.telemetry.tracing import enqueue_span

P = ParamSpec("P")
R = TypeVar("R")
# Bound, so that a first parameter which merely accepts a Context, such as an object, stays an argument like others.
C = TypeVar("C", bound=Context)
Lifespan = Callable[["Rowlock"], AbstractAsyncContextManager[None]]


class Rowlock(Operating):
    """An application: its handlers, its settings, its way to the database.

    Keyword arguments are settings by name (`database_url=…`); they beat the environment. The database is opened by the
    first call that needs it. `lifespan` is an async context manager that workers enter before the first task and leave
    after the last. `name` tells the schedules that this application declares from those of others in the tenant.
    """

    def __init__(
        self,
        *,
        name: str | None = None,
        settings: Settings | None = None,
        lifespan: Lifespan | None = None,
        **flags: Any,
    ) -> None:
        self._name = None if name is None else check_queue(name, field="name")
        self._schedules = Schedules(self)
        if settings is not None and flags:
            raise ConfigurationError(
                f"Rowlock was given settings and, by name, {', '.join(sorted(flags))}: give one or the other."
            )
        self.settings = settings or load_settings(**flags)
        self.lifespan = lifespan or _no_lifespan
        self._handlers: dict[str, Handler] = {}
        self._handlers_shown = MappingProxyType(self._handlers)
        self._middlewares: tuple[Middleware, ...] = ()
        self._own = DatabaseBackend(self.settings)
        self._backend: Backend = self._own

    @property
    def handlers(self) -> MappingProxyType[str, Handler]:
        """The declared handlers by name."""
        return self._handlers_shown

    @property
    def schedules(self) -> Schedules:
        """The schedules: those declared here, and what can be done with any of the tenant."""
        return self._schedules

    @property
    def name(self) -> str:
        """The application's name: the one given, else the package in which its first handler lies."""
        return self._name or application_name(self._handlers.values())

    @property
    def middlewares(self) -> tuple[Middleware, ...]:
        """The declared middleware, outermost first."""
        return self._middlewares

    @overload
    def task(
        self,
        *,
        name: str | None = ...,
        queue: str = ...,
        priority: Priority | str | int = ...,
        max_attempts: int | None = ...,
        timeout: timedelta | float | None = ...,
        expires_in: timedelta | float | None = ...,
        retry: RetryPolicy | None = ...,
        executor: Executor | None = ...,
        tags: Sequence[str] = ...,
        payload_version: int = ...,
        result_version: int = ...,
    ) -> _Decorator: ...

    @overload
    def task(self, function: Callable[Concatenate[C, P], R], /) -> Task[P, R]: ...

    @overload
    def task(self, function: Callable[P, R], /) -> Task[P, R]: ...

    def task(self, *functions: Callable[..., Any], **options: Any) -> Any:
        """Declares a handler: `@app.task` or `@app.task(queue=…, …)`.

        `max_attempts` counts the first attempt too (default 4: three retries). `executor` is `async` for `async def`,
        `thread` for `def`, or `process` for CPU work that a timeout must really end. `timeout` bounds one attempt,
        `expires_in` the whole task, from when it is enqueued. A name can be declared once.
        """
        decorate = _Decorator(self, options)
        return decorate(*functions) if functions else decorate

    def schedule(
        self,
        cron: str | None = None,
        *,
        interval: timedelta | float | str | None = None,
        once: datetime | str | None = None,
        calendar: str | None = None,
        tz: str = "UTC",
        name: str | None = None,
        payload: Mapping[str, Any] | None = None,
        anchor_at: datetime | None = None,
        starts_at: datetime | None = None,
        ends_at: datetime | None = None,
        jitter: timedelta | float | None = None,
        allow_seconds: bool | None = None,
        missed_run_policy: str | None = None,
        max_catch_up: int | None = None,
        catch_up_window: timedelta | float | None = None,
        misfire_grace: timedelta | float | None = None,
        overlap_policy: str | None = None,
        queue: str | None = None,
        priority: Priority | str | int | None = None,
        max_attempts: int | None = None,
        timeout: timedelta | float | None = None,
        tags: Sequence[str] | None = None,
    ) -> Scheduling:
        """Declares a schedule for a handler: `@app.schedule("0 3 * * *", tz="Europe/Berlin")` above `@app.task`.

        `payload` are its tasks' arguments. `name` is the handler's where it is left out; a handler with several
        schedules gives each a name. A worker that starts, or `rowlock schedules sync`, brings the database to what is
        declared: schedules that vanished from the code are paused, not deleted.
        """
        options = dict(locals())
        for apart in ("self", "name", "payload"):
            del options[apart]
        return Scheduling(self, name, payload, options)

    def middleware(self, function: Middleware) -> Middleware:
        """Declares a middleware: `async def f(context, call_next)`; the first declared is the outermost."""
        self._middlewares += (function,)
        return function

    def declare(self, function: Callable[..., Any], **options: Any) -> Handler:
        """Registers a handler without wrapping the function."""
        defaults: dict[str, Any] = {
            "name": None,
            "queue": "default",
            "priority": Priority.NORMAL,
            "max_attempts": None,
            "timeout": None,
            "expires_in": None,
            "retry": None,
            "executor": None,
            "tags": (),
            "payload_version": 1,
            "result_version": 1,
        }
        unknown = options.keys() - defaults.keys()
        if unknown:
            raise ConfigurationError(f"@app.task does not know {', '.join(sorted(unknown))}.")
        handler = make_handler(function, **{**defaults, **options}, max_payload_bytes=self.settings.max_payload_bytes)
        if handler.name in self._handlers:
            raise ConfigurationError(f"A handler named {handler.name!r} is declared already.")
        self._handlers[handler.name] = handler
        return handler

    def check(self) -> None:
        """Raises `ConfigurationError` for what only the whole tells: a version from which no upcast leads on."""
        for handler in self._handlers.values():
            handler.payloads.check()
            handler.results.check()

    async def enqueue(self, name: str, payload: dict[str, Any] | None = None, **options: Any) -> TaskHandle:
        """Enqueues a task by its handler's name, declared here or elsewhere; options as in `Task.options`."""
        tenant_id, on, asked = self._asked(name, payload, options)
        return (await self.submit([asked], tenant_id=tenant_id, on=on))[0]

    def enqueue_sync(self, name: str, payload: dict[str, Any] | None = None, **options: Any) -> TaskHandle:
        """`enqueue` for programs without an event loop."""
        tenant_id, on, asked = self._asked(name, payload, options)
        return self.submit_sync([asked], tenant_id=tenant_id, on=on)[0]

    def _asked(self, name: str, payload: Any, options: dict[str, Any]) -> tuple[str | None, object, TaskRequest]:
        tenant_id, on = options.pop("tenant_id", None), options.pop("on", None)
        handler = self._handlers.get(name)
        if handler is not None:
            payload = handler.arguments.payload((), payload or {})
        chosen = with_defaults(handler.defaults if handler else {}, options)
        return tenant_id, on, task_request(name, payload, **chosen, max_payload_bytes=self.settings.max_payload_bytes)

    async def submit(
        self, requests: Sequence[TaskRequest], *, tenant_id: str | None = None, on: object = None
    ) -> Sequence[TaskHandle]:
        """Stores requests: in the transaction of `on`, or durably at once. All or none."""
        if not requests:
            return []
        tenant = self._tenant_or(tenant_id)
        with enqueue_span(requests[0].name):
            requests = stamped(requests, self.settings)
            stored = await self._backend.submit(tenant, requests, on)
        return self._handles(tenant, requests, stored)

    def submit_sync(
        self, requests: Sequence[TaskRequest], *, tenant_id: str | None = None, on: object = None
    ) -> Sequence[TaskHandle]:
        """`submit` for programs without an event loop."""
        if not requests:
            return []
        tenant = self._tenant_or(tenant_id)
        with enqueue_span(requests[0].name):
            requests = stamped(requests, self.settings)
            stored = self._backend.submit_sync(tenant, requests, on)
        return self._handles(tenant, requests, stored)

    def _handles(self, tenant: str, requests: Sequence[TaskRequest], stored: Sequence[Stored]) -> Sequence[TaskHandle]:
        made = requests
        if any_keyed(requests):
            made = [request for request, one in zip(requests, stored, strict=True) if one.created]
        if len(made) == 1 or isinstance(made, RequestSeries):
            process_metrics().record_submitted({(made[0].queue, made[0].name): len(made)}, "python")
        else:
            process_metrics().record_submitted([(request.queue, request.name) for request in made], "python")
        return LazySequence(lambda each: TaskHandle(self, each.id, each.created, tenant), stored)

    @property
    def database(self) -> Database:
        """The pool of the event loop; opened by its first use."""
        return self._own.database

    @property
    def database_url(self) -> str:
        """Where the database is: the setting, or the embedded server that runs. Raises `ConfigurationError`."""
        return self._own.url

    def brief_database(self) -> Database:
        """A pool of the caller's own, for a loop that is soon over."""
        return self._own.brief_database()

    @property
    def backend(self) -> Backend:
        """What answers this application's calls now."""
        return self._backend

    def sharing(self, database: Database) -> AbstractContextManager[None]:
        """For the block, uses a pool that somebody else owns, such as the worker's, unless it has opened its own."""
        return self._own.sharing(database)

    @contextmanager
    def answered_by(self, backend: Backend) -> Iterator[None]:
        """For the block, another backend answers this application's calls: what `rowlock.testing` stands on."""
        before, self._backend = self._backend, backend
        try:
            yield
        finally:
            self._backend = before

    @contextmanager
    def configured(self, settings: Settings) -> Iterator[None]:
        """For the block, other settings, such as a test's database. Close the application before the block ends."""
        before = self.settings, self._own, self._backend
        self.settings = settings
        self._backend = self._own = DatabaseBackend(settings)
        try:
            yield
        finally:
            self._own.close_sync()
            self.settings, self._own, self._backend = before

    def lead_to(self, url: str, schema: str) -> None:
        """Uses that installation from now on, whatever the settings said."""
        if (self.settings.database_url, self.settings.schema_) == (url, schema):
            return
        self._own.close_sync()
        self.settings = self.settings.model_copy(update={"database_url": url, "schema_": schema})
        self._backend = self._own = DatabaseBackend(self.settings)

    async def open(self) -> Rowlock:
        """Opens the pool now instead of with the first call."""
        await self._own.open()
        return self

    async def close(self) -> None:
        """Closes what this application has opened."""
        await self._own.close()

    def close_sync(self) -> None:
        """Closes the pool of the synchronous calls."""
        self._own.close_sync()

    async def __aenter__(self) -> Rowlock:
        return await self.open()

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class _Decorator:
    """`@app.task(…)`: keeps the function's parameters for the type checker, without the Context."""

    def __init__(self, app: Rowlock, options: dict[str, Any]) -> None:
        self._app = app
        self._options = options

    @overload
    def __call__(self, function: Callable[Concatenate[C, P], R], /) -> Task[P, R]: ...

    @overload
    def __call__(self, function: Callable[P, R], /) -> Task[P, R]: ...

    def __call__(self, function: Callable[..., Any], /) -> Task[Any, Any]:
        return Task(self._app, self._app.declare(function, **self._options))


def load_app(spec: str) -> Rowlock:
    """The application named `module:attribute`, the working folder being on the path. Raises `ConfigurationError`."""
    module_name, _, attribute = spec.partition(":")
    if not module_name or not attribute:
        raise ConfigurationError(f"{spec!r} does not name an application: write MODULE:app, such as shop.jobs:app.")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and (module_name == error.name or module_name.startswith(f"{error.name}.")):
            raise ConfigurationError(f"There is no module {module_name!r} in {Path.cwd()} or on the path.") from error
        raise
    app = getattr(module, attribute, None)
    if not isinstance(app, Rowlock):
        raise ConfigurationError(f"{spec!r} is not a Rowlock application but {type(app).__name__}.")
    app.check()
    return app


@asynccontextmanager
async def _no_lifespan(_: Rowlock) -> AsyncIterator[None]:
    yield
