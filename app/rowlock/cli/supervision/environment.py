"""Settings that were given as flags, for a child: in its environment, for everybody can read its arguments.

A worker puts them into its own before it loads the application, whose settings are read there, in its children too.
"""

from __future__ import annotations

from rowlock.config import Settings


def child_environment(settings: Settings, *, position: int = 0) -> dict[str, str]:
    """The variables. Children that serve metrics take the setting's port and those after it, by their position."""
    given = {
        "ROWLOCK_DATABASE_URL": settings.database_url,
        "ROWLOCK_DATA_DIR": settings.data_dir,
        "ROWLOCK_SCHEMA": settings.schema_,
        "ROWLOCK_TENANT": settings.tenant,
        "ROWLOCK_CONCURRENCY": settings.concurrency,
        "ROWLOCK_METRICS_PORT": None if settings.metrics_port is None else settings.metrics_port + position,
    }
    return {name: str(value) for name, value in given.items() if value is not None}
