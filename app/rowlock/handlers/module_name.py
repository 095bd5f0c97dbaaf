"""The module in which a function is defined, by the name under which a worker imports it.

What is run as a script is `__main__` while it runs, and nothing else can import that: its tasks would wait for ever.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

SCRIPTS = ("__main__", "__mp_main__")  # the latter in child processes that load their parent's script anew


def module_name(function: Callable[..., Any]) -> str | None:
    """`shop.jobs` where that was run by `python -m`, `mails` for `python mails.py`. None where no module can be told,
    as in an interpreter that is talked to."""
    module = function.__module__
    if module not in SCRIPTS:
        return module
    written = inspect.unwrap(function)
    known = getattr(written, "__globals__", {})
    spec, file = known.get("__spec__"), known.get("__file__")
    if file is None or written.__code__.co_filename.startswith("<"):  # <stdin>, <string>, <console>
        return None
    if spec is not None and spec.name not in SCRIPTS:
        return str(spec.name)
    stem = Path(file).stem
    return None if stem in SCRIPTS else stem
