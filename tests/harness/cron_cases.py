"""Random cron rules, zones and starts: rules as people write them and as they do not, starts often near a shift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from random import Random
from zoneinfo import ZoneInfo, available_timezones

# Clocks that change at midnight, by half an hour, by a day, twice a year around Ramadan, or never.
NOTABLE_ZONES = [
    "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Pacific/Apia", "Asia/Kathmandu",
    "Africa/Casablanca", "America/Havana", "Asia/Beirut", "Africa/Cairo", "America/St_Johns", "America/Scoresbysund",
    "Antarctica/Troll", "Asia/Tehran", "Asia/Gaza", "Pacific/Chatham", "America/Asuncion", "Pacific/Kwajalein", "UTC",
]  # fmt: skip
YEARS = (1973, 2060)
MONTHS = ["jan", "feb", "MAR", "apr", "May", "jun", "jul", "aug", "sep", "oct", "nov", "DEC"]
WEEKDAYS = ["sun", "mon", "TUE", "wed", "Thu", "fri", "sat"]


@dataclass(frozen=True)
class CronCase:
    expression: str
    zone: str
    after: datetime


@lru_cache(maxsize=1)
def all_zones() -> list[str]:
    """All that both sides can read: none that depend on the machine or count leap seconds."""
    odd = ("posix/", "right/", "localtime", "posixrules", "Factory")
    return sorted(zone for zone in available_timezones() if not zone.startswith(odd))


@lru_cache(maxsize=10_000)
def changes_in(zone: str, year: int) -> list[datetime]:
    """About when the clocks of a zone change in a year: within half an hour after it."""
    clock = ZoneInfo(zone)

    def changes(begin: datetime, step: timedelta, steps: int) -> list[datetime]:
        instants = [begin + n * step for n in range(steps + 1)]
        offsets = [instant.astimezone(clock).utcoffset() for instant in instants]
        return [after for after, *pair in zip(instants[1:], offsets, offsets[1:], strict=False) if pair[0] != pair[1]]

    day, half_hour = timedelta(days=1), timedelta(minutes=30)
    days = changes(datetime(year, 1, 1, tzinfo=UTC), day, 365)
    return [change for end in days for change in changes(end - day, half_hour, 48)]


def random_case(random: Random) -> CronCase:
    zone = random.choice(NOTABLE_ZONES if random.random() < 0.5 else all_zones())
    year = 2011 if zone == "Pacific/Apia" and random.random() < 0.3 else random.randint(*YEARS)
    changes = changes_in(zone, year) if random.random() < 0.7 else []
    if changes:  # from seconds to days before clocks change
        after = random.choice(changes) + timedelta(hours=1) - timedelta(seconds=10 ** random.uniform(1, 5.4))
    else:
        after = datetime(year, 1, 1, tzinfo=UTC) + timedelta(seconds=random.randrange(365 * 86_400))
    return CronCase(random_rule(random), zone, after)


def random_rule(random: Random) -> str:
    if random.random() < 0.02:
        return random.choice(["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@Hourly"])
    every = 0.35
    fields = [
        field(random, 0, 59, every=every),
        # Clocks change at night, so rules for the night are the interesting ones.
        field(random, 0, 23, every=every) if random.random() < 0.4 else field(random, 0, 4, every=every / 2),
        field(random, 1, 31, every=0.7, places=["L", "LW"]),
        field(random, 1, 12, every=0.85, names=MONTHS),
        field(
            random, 0, 7, every=0.7, names=WEEKDAYS, places=["0L", "5L", "7L", "1#1", "mon#2", "0#5", "SAT#4", "7#3"]
        ),
    ]
    if random.random() < 0.12:
        fields.insert(0, field(random, 0, 59, every=0.1))
    return " ".join(fields)


def field(
    random: Random, low: int, high: int, *, every: float, names: Sequence[str] = (), places: Sequence[str] = ()
) -> str:
    if random.random() < every:
        return "*"
    count = random.choice([1, 1, 1, 2, 2, 3, 5])
    return ",".join(part(random, low, high, names, places) for _ in range(count))


def part(random: Random, low: int, high: int, names: Sequence[str], places: Sequence[str]) -> str:
    def value(number: int) -> str:
        named = names and number - low < len(names) and random.random() < 0.4
        return names[number - low] if named else str(number)

    first, last = sorted((random.randint(low, high), random.randint(low, high)))
    step = random.choice([1, 2, 3, 5, 7, 10, 15, 20, 30, 40])
    kinds = ["one", "one", "one", "range", "range", "stepped range", "stepped star", "from on"]
    kind = random.choice([*kinds, "place", "place"] if places else kinds)
    return {
        "one": value(first),
        "range": f"{value(first)}-{value(last)}",
        "stepped range": f"{value(first)}-{value(last)}/{step}",
        "stepped star": f"*/{step}",
        "from on": f"{value(first)}/{step}",
        "place": random.choice(places or [""]),
    }[kind]
