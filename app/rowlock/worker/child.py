"""What a child process does, and what it and its worker say to each other.

Both speak in bytes: nothing that a function takes, returns or raises is known to the pool in between, so nothing of it
can break that, or be taken for the pool's own trouble.
"""

from __future__ import annotations

import importlib
import pickle
import sys
import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rowlock.client import Rowlock
from rowlock.domain.error_text import error_text
from rowlock.handlers.context import CURRENT, Context
from rowlock.handlers.handler import Handler
from rowlock.telemetry.context import LogContext, bind
from rowlock.telemetry.logs import Configured, configure_logging, settle_logging
from rowlock.telemetry.metrics import process_metrics
from rowlock.telemetry.tracing import inject_context, injected

if TYPE_CHECKING:
    from rowlock.worker.attempt import Attempt

NOTHING = b""  # the call of a child that has only to start
_shared: dict[str, Any] = {}  # in a child, `wanted`: the numbers of the calls that its worker wants, each in its place


@dataclass(frozen=True, slots=True)
class Call:
    """What the worker asks of the child: a function by its name, its arguments, and what surrounds it in the worker."""

    module: str
    qualname: str
    context: dict[str, Any]
    takes_context: bool
    keywords: dict[str, Any]
    leads_to: tuple[str, str] | None = None  # URL and schema of the installation that its application uses
    logged: LogContext = field(default_factory=LogContext)
    trace: dict[str, str] = field(default_factory=dict)


class ChildTraceback(Exception):
    """The cause of what a function raised in a child process: its traceback there."""


def call_of(attempt: Attempt, handler: Handler, keywords: dict[str, Any]) -> bytes:
    """The call, for `answer_in_child` to read."""
    context, function = attempt.context, handler.function
    known = {
        "task_id": context.task_id,
        "tenant_id": context.tenant_id,
        "queue": context.queue,
        "name": context.name,
        "attempt": context.attempt,
        "max_attempts": context.max_attempts,
        "metadata": context.metadata,
        "deadline": context.deadline,
        "lease_token": context.lease_token,
        "workflow_id": context.workflow_id,
    }
    call = Call(
        function.__module__,
        function.__qualname__,
        known,
        handler.takes_context,
        keywords,
        leads_to=attempt.leads_to,
        logged=attempt.log_context(),
        trace=inject_context(),
    )
    return pickle.dumps(call)


def result_of(answer: bytes) -> Any:
    """What the function returned; what it raised. What it enqueued is counted here."""
    result, error, trace, submitted = pickle.loads(answer)
    process_metrics().record_submitted(submitted, "python")
    if error is not None:
        raise error from ChildTraceback(trace)
    return pickle.loads(result)


def start_child(path: list[str], modules: list[str], logs: Configured | None, why: Any, wanted: Any) -> None:
    """Runs in the child when it starts: loads what its handlers need, before any timeout counts. If it cannot, it says
    so in the shared array `why`, and ends. In `wanted`, shared too, it looks before it begins anything. `logs` is how
    its worker's are configured, if they are."""
    _shared["wanted"] = wanted
    sys.path[:] = path
    try:
        if logs is not None:
            configure_logging(**logs)
        for module in modules:
            importlib.import_module(module)
        if logs is not None:
            settle_logging(format=logs["format"], level=logs["level"])
    except BaseException as error:
        why.value = error_text(error).encode()[: len(why)]
        raise


def answer_in_child(call: bytes, place: int, number: int) -> bytes:
    """Runs in the child: does what `call_of` asks, for `result_of` to read; nothing where nobody wants it any more."""
    if call == NOTHING or _shared["wanted"][place] != number:
        return NOTHING
    answer: tuple[bytes | None, BaseException | None, str]
    try:
        answer = pickle.dumps(run_in_child(pickle.loads(call))), None, ""
    except BaseException as error:  # noqa: BLE001 - whatever a handler raises is its outcome
        answer = None, _readable(error), traceback.format_exc()
    return pickle.dumps((*answer, process_metrics().take_submitted("python")))


def run_in_child(call: Call) -> Any:
    """Finds the function by name and calls it."""
    found: Any = importlib.import_module(call.module)
    for part in call.qualname.split("."):
        found = getattr(found, part)
    function = getattr(found, "handler", None)
    function = function.function if function is not None else found
    app = getattr(found, "_app", None)  # where `@app.task` has declared it
    if call.leads_to is not None and isinstance(app, Rowlock):
        app.lead_to(*call.leads_to)
    made = Context(**call.context)
    token = CURRENT.set(lambda: made)  # what the handler enqueues gets its parent here too
    try:
        with bind(**call.logged), injected(call.trace):
            return function(*([made] if call.takes_context else []), **call.keywords)
    finally:
        CURRENT.reset(token)


def _readable(error: BaseException) -> BaseException:
    """The error, or one that says the same where it could not be read on the other side."""
    try:
        read = pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001 - whatever its class makes of it
        read = None
    return error if isinstance(read, BaseException) else RuntimeError(error_text(error))
