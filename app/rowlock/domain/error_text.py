"""Errors and tracebacks as text that fits its column and that PostgreSQL can hold."""

from __future__ import annotations

import traceback

from rowlock.domain.bounds import MAX_ERROR_CHARS, MAX_TRACEBACK_CHARS, storable_text


def error_text(error: BaseException | str) -> str:
    """`ValueError: what it says`, with its notes; a text as it is. Long ones lose their end."""
    if isinstance(error, BaseException):
        # Not str(error): that runs the error's own code, which may raise in its turn.
        error = "".join(traceback.format_exception_only(error)).rstrip("\n")
    text = storable_text(error)
    if len(text) <= MAX_ERROR_CHARS:
        return text
    return text[: MAX_ERROR_CHARS - 1] + "…"


def traceback_text(text: str) -> str:
    """A traceback; a long one loses its middle, for where it began and where it broke say most."""
    text = storable_text(text)
    if len(text) <= MAX_TRACEBACK_CHARS:
        return text
    gap = f"\n… {len(text) - MAX_TRACEBACK_CHARS} characters and more left out …\n"
    head = MAX_TRACEBACK_CHARS // 4
    tail = MAX_TRACEBACK_CHARS - head - len(gap)
    return text[:head] + gap + text[-tail:]
