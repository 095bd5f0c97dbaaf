"""Time zones: IANA names, and nothing that depends on the machine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rowlock.domain.errors import InvalidArgument
from rowlock.domain.time_zones import find_zone


@pytest.mark.parametrize(
    ("name", "hours"), [("UTC", 0), ("Etc/UTC", 0), ("Europe/Berlin", 1), ("America/New_York", -5), ("Etc/GMT-14", 14)]
)
def test_iana_names_are_found(name: str, hours: int) -> None:
    assert datetime(2026, 1, 1, tzinfo=find_zone(name)).utcoffset() == timedelta(hours=hours)


def test_utc_needs_no_database() -> None:
    assert find_zone("UTC") is UTC


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Mars/Olympus",
        "Europe",
        "/etc/passwd",
        "../../etc/passwd",
        "Europe/Berlin\0",
        "\ud800",
        "x" * 5_000,
        "localtime",
        "posixrules",
        "posix/UTC",
        "right/UTC",
        "+02:00",
        None,
        1,
        ["UTC"],
    ],
)
def test_anything_else_is_refused_in_a_sentence(name: object) -> None:
    with pytest.raises(InvalidArgument, match=r"^The timezone .* is unknown: use an IANA name .*\.$") as refusal:
        find_zone(name)
    assert refusal.value.detail == {"field": "timezone"}
