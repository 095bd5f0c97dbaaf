"""The application that a command is given as MODULE:app."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rowlock.client import Rowlock
    from rowlock.config import Settings


def load_application(spec: str) -> Rowlock:
    """The application. One that cannot be imported now cannot be in a moment: that is a setting's fault."""
    from rowlock.client import load_app
    from rowlock.domain.errors import ConfigurationError, RowlockError

    try:
        return load_app(spec)
    except RowlockError:
        raise
    except Exception as error:
        said = str(error).strip().splitlines() or ["no reason given"]
        raise ConfigurationError(
            f"The application {spec!r} cannot be imported ({type(error).__name__}: {said[0]}). --debug shows where."
        ) from error


def settings_of(app: Rowlock, settings: Settings, given: Collection[str]) -> Settings:
    """The application's own, which it has of names, environment and pyproject.toml; but flags, those settings that are
    named in `given`, beat them all."""
    return app.settings.model_copy(update={name: getattr(settings, name) for name in given})


def trace_from_its_lifespan_on(app: Rowlock) -> None:
    """Has the worker's spans sent where the environment says, from when the application's lifespan has begun: until
    then it may set up tracing of its own, which nobody can replace later."""
    from rowlock.telemetry.tracing import configure_tracing

    lifespan = app.lifespan

    @asynccontextmanager
    async def traced(app: Rowlock) -> AsyncIterator[None]:
        async with lifespan(app):
            configure_tracing("rowlock-worker")
            yield

    app.lifespan = traced
