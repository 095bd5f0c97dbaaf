"""Loads structlog without what it would load where it is installed, 5 MB of memory that no server needs.

That is greenlet, for its thread-local context, where rowlock has its own; and rich, and so pygments, for coloured
tracebacks, where rowlock's logs write plain ones. An application that asks structlog for coloured ones has them: the
first one loads rich.
"""

from __future__ import annotations

import importlib
import sys
from importlib.util import find_spec
from types import ModuleType
from typing import Any


class _Later:
    """Stands for something of a module, and loads that when it is used."""

    def __init__(self, module: str, name: str) -> None:
        self._place = module, name

    def __call__(self, *args: Any, **options: Any) -> Any:
        return self._loaded()(*args, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loaded(), name)

    def _loaded(self) -> Any:
        module, name = self._place
        return getattr(importlib.import_module(module), name)


def _standing_for(module: str, *names: str) -> ModuleType:
    """A module with no more than what structlog takes of it."""
    made = ModuleType(module)
    for name in names:
        setattr(made, name, _Later(module, name))
    return made


def load_structlog() -> None:
    """Where it is loaded already nothing changes; and all of this can be imported by others as ever."""
    if "structlog" in sys.modules:
        return
    others: dict[str, Any] = {"greenlet": None}  # how Python spells "not installed"
    if find_spec("rich") is not None:
        others["rich"] = _standing_for("rich")
        others["rich.console"] = _standing_for("rich.console", "Console")
        others["rich.traceback"] = _standing_for("rich.traceback", "Traceback")
    hidden = {name: other for name, other in others.items() if name not in sys.modules}
    sys.modules.update(hidden)
    try:
        importlib.import_module("structlog")
    finally:
        for name in hidden:
            del sys.modules[name]


load_structlog()
