"""Which PostgreSQL to talk to: the one that is configured, else the embedded one of the data folder."""

from __future__ import annotations

from rowlock.config import Settings, default_data_dir
from rowlock.domain.errors import ConfigurationError


def url_from_settings(settings: Settings) -> str:
    """The database's URL; raises `ConfigurationError` where there is none to be had."""
    if settings.database_url:
        return settings.database_url
    from rowlock.store.embedded import running_server_url

    data_dir = settings.data_dir or default_data_dir()
    url = running_server_url(data_dir)
    if url is None:
        raise ConfigurationError(
            f"No database: none is configured, and no embedded server runs in {data_dir}. "
            "Start one with `rowlock up`, or set ROWLOCK_DATABASE_URL."
        )
    return url
