"""An application that sets up logging of its own when it is imported, as Django does for a site."""

from __future__ import annotations

import logging.config

from rowlock import Context, Rowlock

URL = "postgresql://ada:hunter2@localhost/shop"

app = Rowlock()
# It disables, as it does unless it is told not to, all loggers that were made before.
logging.config.dictConfig(
    {
        "version": 1,
        "formatters": {"own": {"format": "SITE %(levelname)s %(name)s: %(message)s"}},
        "handlers": {"own": {"class": "logging.StreamHandler", "formatter": "own"}},
        "root": {"handlers": ["own"], "level": "INFO"},
    }
)


@app.task(name="talks.thread")
def in_thread(context: Context) -> None:
    """Logs what nobody is to read."""
    context.log.info("It talks.", url=URL)


@app.task(name="talks.process", executor="process")
def in_process(context: Context) -> None:
    """The same in a child process."""
    context.log.info("It talks.", url=URL)
