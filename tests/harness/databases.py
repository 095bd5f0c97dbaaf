"""The run's databases: a migrated template, and a clone of it for each test that asks for one."""

from __future__ import annotations

from pathlib import Path

from rowlock.testing.databases import FreshDatabases


def fresh_databases(admin_url: str, run: Path, *, owned: bool) -> FreshDatabases:
    """Databases named after the run; on a server of our own, cloned in the way that is fastest."""
    prefix = run.name.replace("-", "_")
    return FreshDatabases(admin_url, prefix=prefix, strategy="file_copy" if owned else "wal_log")
