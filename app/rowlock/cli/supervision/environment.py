"""Settings that were given as flags, for a child: in its environment, for everybody can read its arguments.

A worker puts them into its own before it loads the application, whose settings are read there, in its children too.
What that application was given by name beats the environment, but not a flag: so a child is told which those are.
"""

from __future__ import annotations

import os
from collections.abc import Collection

from rowlock.config import Settings

GIVEN = "ROWLOCK_GIVEN"  # names of settings, with commas between
PLACE = frozenset({"database_url", "data_dir", "schema_", "tenant"})  # which installation it is, and for whom


def child_environment(settings: Settings, *, position: int = 0, given: Collection[str] = ()) -> dict[str, str]:
    """The variables; `given` names the settings that an application may not have otherwise. Children that serve metrics
    take the setting's port and those after it, by their position."""
    said = {
        "ROWLOCK_DATABASE_URL": settings.database_url,
        "ROWLOCK_DATA_DIR": settings.data_dir,
        "ROWLOCK_SCHEMA": settings.schema_,
        "ROWLOCK_TENANT": settings.tenant,
        "ROWLOCK_CONCURRENCY": settings.concurrency,
        "ROWLOCK_METRICS_PORT": None if settings.metrics_port is None else settings.metrics_port + position,
    }
    named = given if settings.metrics_port is None else {*given, "metrics_port"}
    return {GIVEN: ",".join(sorted(named)), **{name: str(value) for name, value in said.items() if value is not None}}


def given_to_this_child() -> set[str]:
    """What a supervisor was given by flags."""
    return set(filter(None, os.environ.get(GIVEN, "").split(",")))
