"""IANA time zones, from the system's database or the `tzdata` package."""

from __future__ import annotations

from datetime import UTC, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from rowlock.domain.bounds import shown
from rowlock.domain.errors import InvalidArgument

# These mean something else on every machine, or count leap seconds.
_NOT_PORTABLE = ("localtime", "posixrules", "Factory", "posix/", "right/")


def find_zone(name: object) -> tzinfo:
    """The zone of that name; `InvalidArgument` (field `timezone`) if there is none."""
    zone = _load(name) if isinstance(name, str) else None
    if zone is None:
        raise InvalidArgument(
            f"The timezone {shown(name)} is unknown: use an IANA name such as Europe/Berlin.",
            field="timezone",
        )
    return zone


@lru_cache(maxsize=1_024)  # zoneinfo itself keeps eight, and reads any further one from disk again
def _load(name: str) -> tzinfo | None:
    if name in {"UTC", "Etc/UTC"}:
        return UTC
    if name.startswith(_NOT_PORTABLE):
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown; malformed; a folder such as `Europe`
        return None
