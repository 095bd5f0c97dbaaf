"""rowlock: a durable job system whose only server is PostgreSQL.

The names below are loaded when they are first used, so that `rowlock --help` need not load a database driver.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rowlock.client import Rowlock
    from rowlock.domain.errors import LeaseLost, RowlockError, StepNotKept
    from rowlock.domain.outcomes import Cancel, Fail, Retry, Snooze
    from rowlock.domain.priorities import Priority
    from rowlock.domain.retry import RetryPolicy
    from rowlock.handlers.context import Context
    from rowlock.handlers.task import Task
    from rowlock.handlers.task_handle import TaskHandle, TaskNotSucceeded, UnknownResultVersion

__version__ = version("rowlock")

__all__ = [
    "Cancel",
    "Context",
    "Fail",
    "LeaseLost",
    "Priority",
    "Retry",
    "RetryPolicy",
    "Rowlock",
    "RowlockError",
    "Snooze",
    "StepNotKept",
    "Task",
    "TaskHandle",
    "TaskNotSucceeded",
    "UnknownResultVersion",
    "__version__",
]

_HOMES = {
    "Rowlock": "client",
    "LeaseLost": "domain.errors",
    "RowlockError": "domain.errors",
    "StepNotKept": "domain.errors",
    "Cancel": "domain.outcomes",
    "Fail": "domain.outcomes",
    "Retry": "domain.outcomes",
    "Snooze": "domain.outcomes",
    "Priority": "domain.priorities",
    "RetryPolicy": "domain.retry",
    "Context": "handlers.context",
    "Task": "handlers.task",
    "TaskHandle": "handlers.task_handle",
    "TaskNotSucceeded": "handlers.task_handle",
    "UnknownResultVersion": "handlers.task_handle",
}


def __getattr__(name: str) -> Any:  # PEP 562
    if name not in _HOMES:
        raise AttributeError(f"module 'rowlock' has no attribute {name!r}")
    value = getattr(import_module(f"rowlock.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
