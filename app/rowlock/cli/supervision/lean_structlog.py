"""Loads structlog without rich, and so without pygments, which it would load for coloured tracebacks: 4 MB that no
server needs, since logs write tracebacks plainly. Where structlog is loaded already nothing changes, and rich itself
can be imported as ever.
"""

from __future__ import annotations

import importlib
import sys

if "structlog" not in sys.modules and "rich" not in sys.modules:
    sys.modules["rich"] = None  # type: ignore[assignment]  # how Python spells "not installed"
    try:
        importlib.import_module("structlog.dev")
    finally:
        del sys.modules["rich"]
