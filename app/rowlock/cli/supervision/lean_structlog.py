"""Loads structlog without what it would load where it is installed, 5 MB of memory that no server needs: rich, and so
pygments, for coloured tracebacks, where logs write plain ones; and greenlet for its thread-local context, where rowlock
has its own. Where structlog is loaded already nothing changes, and both can be imported by others as ever.
"""

from __future__ import annotations

import importlib
import sys

NEEDLESS = ("rich", "greenlet")

if "structlog" not in sys.modules:
    hidden = [name for name in NEEDLESS if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # how Python spells "not installed"
    try:
        importlib.import_module("structlog")
    finally:
        for name in hidden:
            del sys.modules[name]
