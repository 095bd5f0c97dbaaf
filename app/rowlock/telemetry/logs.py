"""Logs: every line, whether from rowlock, a handler or a library, goes the same way.

rowlock's processes call `configure_logging` once; from then on structlog's and the standard
library's loggers share one handler on stderr, one format, the context of the task at hand and the
masking of secrets. A process that never calls it (an application that only enqueues) keeps its own
logging: there rowlock's events are plain records of the loggers `rowlock.…`, masked all the same.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from typing import Literal, TextIO, TypedDict, cast

import orjson
import structlog
from structlog.dev import ConsoleRenderer, plain_traceback
from structlog.processors import (
    ExceptionRenderer,
    JSONRenderer,
    KeyValueRenderer,
    StackInfoRenderer,
    TimeStamper,
    format_exc_info,
)
from structlog.stdlib import (
    BoundLogger,
    ExtraAdder,
    PositionalArgumentsFormatter,
    ProcessorFormatter,
    add_log_level,
    add_logger_name,
    filter_by_level,
)
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, Processor, WrappedLogger

from rowlock.telemetry.context import bind, merge_context
from rowlock.telemetry.masking import mask_secrets

__all__ = ["bind", "configure_logging", "configured_logging", "get_logger", "settle_logging"]

HANDLER_NAME = "rowlock"
# Libraries that bring handlers of their own.
SELF_STYLED = ("uvicorn", "uvicorn.error", "uvicorn.access", "alembic")
# Libraries that say at INFO what happens every second.
CHATTY = ("apscheduler", "httpx", "httpcore")

Format = Literal["console", "json"]


class Configured(TypedDict):
    """What `configure_logging` was told."""

    format: Format | None
    level: str
    process: str


def get_logger(name: str) -> BoundLogger:
    """The logger called `name` (`rowlock.…`); it may be made before logging is configured."""
    logger = structlog.wrap_logger(
        logging.getLogger(name),
        processors=_processors,
        wrapper_class=BoundLogger,
        cache_logger_on_first_use=True,
    )
    return cast(BoundLogger, logger)


def configure_logging(*, format: Format | None, level: str, process: str) -> None:  # noqa: A002 - the setting's name
    """Send all logs of this process to stderr, as lines for people or one JSON object a line.

    `format` None means console on a terminal, else JSON. `process` (api, worker, …) stands on every
    line. Calling it again replaces what the earlier call set up; handlers of others are left alone.
    """
    _attach(_handler({"format": format, "level": level, "process": process}), level)
    _processors[:] = [filter_by_level, PositionalArgumentsFormatter(), _wrap]
    # Handlers of users that log by structlog itself take the same way.
    structlog.configure(
        processors=_processors,
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=BoundLogger,
    )


def settle_logging(*, format: Format | None, level: str) -> None:  # noqa: A002 - the setting's name
    """To be called when an application has been loaded, which may have settings of its own, or logging of its own.

    Where that has replaced the handlers, as Django's `LOGGING` does with a `root`, lines go to its handlers as plain
    records, masked and with their context. Loggers of rowlock that it has silenced in passing speak again: `dictConfig`
    disables all that it does not name.
    """
    attached = next((h for h in logging.getLogger().handlers if isinstance(h, _StderrHandler)), None)
    if attached is None:
        _processors[:] = _UNCONFIGURED
    elif (attached.configured["format"], attached.configured["level"]) != (format, level):
        _attach(_handler({**attached.configured, "format": format, "level": level}), level)
    for name in list(logging.root.manager.loggerDict):
        if name == "rowlock" or name.startswith("rowlock."):
            logging.getLogger(name).disabled = False


def configured_logging() -> Configured | None:
    """What `configure_logging` was told in this process, for its child processes; None where it was never called."""
    return _told[-1] if _told else None


def _handler(configured: Configured) -> _StderrHandler:
    on_terminal = sys.stderr.isatty()
    if (configured["format"] or ("console" if on_terminal else "json")) == "console":
        rendering = _console(colors=on_terminal and "NO_COLOR" not in os.environ)
    else:
        rendering = _json()
    handler = _StderrHandler(configured)
    handler.name = HANDLER_NAME
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=[ExtraAdder(), _drop_echoes],
            processors=[
                add_logger_name,
                add_log_level,
                ProcessorFormatter.remove_processors_meta,
                merge_context,
                _ProcessName(configured["process"]),
                TimeStamper(fmt="iso", utc=True, key="timestamp"),
                StackInfoRenderer(),
                *rendering,
            ],
        )
    )
    return handler


def _attach(handler: _StderrHandler, level: str) -> None:
    _told[:] = [handler.configured]
    root = logging.getLogger()
    for former in [h for h in root.handlers if h.name == HANDLER_NAME]:
        root.removeHandler(former)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in SELF_STYLED:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    for name in CHATTY:
        logging.getLogger(name).setLevel(max(root.level, logging.WARNING))
    logging.captureWarnings(True)


def _console(*, colors: bool) -> list[Processor]:
    # The traceback becomes text before the masking; inside the renderer would be too late.
    renderer = ConsoleRenderer(colors=colors, exception_formatter=plain_traceback)
    return [format_exc_info, mask_secrets, renderer]


def _json() -> list[Processor]:
    # Local variables stay out: they hold payloads and credentials.
    frames = ExceptionDictTransformer(show_locals=False, max_frames=30)
    return [ExceptionRenderer(frames), mask_secrets, JSONRenderer(serializer=_one_line)]


def _one_line(event: object, **_: object) -> str:
    """JSON in ASCII, for a stream may know no more. orjson does what it can of that, for it is quicker."""
    try:
        encoded = orjson.dumps(event)
    except TypeError:  # a lone surrogate, or a number of more than 64 bits
        return json.dumps(event)
    return encoded.decode() if encoded.isascii() else json.dumps(event)


class _StderrHandler(logging.StreamHandler[TextIO]):
    """Writes to whatever `sys.stderr` is at the time, so that redirecting it works."""

    def __init__(self, configured: Configured) -> None:
        logging.Handler.__init__(self)
        self.configured = configured

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr


class _ProcessName:
    """Processor: what kind of process speaks, and its id."""

    def __init__(self, process: str) -> None:
        self._process = process

    def __call__(self, _logger: WrappedLogger, _method: str, event_dict: EventDict) -> EventDict:
        return {"process": self._process, "pid": os.getpid(), **event_dict}


def _drop_echoes(_logger: WrappedLogger, _method: str, event_dict: EventDict) -> EventDict:
    """Processor: forget what says the event again: uvicorn's in colour, other formatters' texts."""
    for echo in ("color_message", "message", "asctime"):
        event_dict.pop(echo, None)
    return event_dict


def _as_plain_record(
    logger: WrappedLogger, method: str, event_dict: EventDict
) -> tuple[tuple[str, str], dict[str, object]]:
    """Last processor where logging was never configured: `event key=value …` and the exception."""
    exc_info = event_dict.pop("exc_info", None)
    masked = dict(mask_secrets(logger, method, merge_context(logger, method, event_dict)))
    event = str(masked.pop("event", ""))
    fields = KeyValueRenderer()(logger, method, masked)
    return ("%s", f"{event} {fields}".rstrip()), {"exc_info": exc_info}


_wrap = cast(Processor, ProcessorFormatter.wrap_for_formatter)
_UNCONFIGURED: tuple[Processor, ...] = (filter_by_level, PositionalArgumentsFormatter(), _as_plain_record)
# Changed in place by `configure_logging`, so that loggers made before it follow.
_processors: list[Processor] = list(_UNCONFIGURED)
_told: list[Configured] = []  # what it was told last
