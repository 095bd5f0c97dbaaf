"""The fields of a cron rule, each with its name, its bounds and the words it takes.

`cronsim` says only which field is bad. Here each part is checked for what is wrong with it, and
written so that cronsim gives it Vixie cron's meaning: it takes `5-5/10`, which is the 5 alone, for
`5-59/10`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rowlock.domain.bounds import shown

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


@dataclass(frozen=True, slots=True)
class CronField:
    """`special` are words that stand alone: no range and no step is made of them."""

    name: str
    low: int
    high: int
    forms: str
    names: tuple[str, ...] = ()
    special: re.Pattern[str] = re.compile(r"(?!)")


CRON_FIELDS = (
    CronField("second", 0, 59, "a number from 0 to 59"),
    CronField("minute", 0, 59, "a number from 0 to 59"),
    CronField("hour", 0, 23, "a number from 0 to 23"),
    CronField(
        "day of month",
        1,
        31,
        "a number from 1 to 31, L (the last day) or LW (the last weekday)",
        special=re.compile("LW?"),
    ),
    CronField("month", 1, 12, "a number from 1 to 12 or a name from JAN to DEC", _MONTHS),
    CronField(
        "day of week",
        0,
        7,
        "a number from 0 to 7, a name from SUN to SAT, or of the month's, such as MON#2 or 5L",
        _DAYS,
        re.compile(f"[0-7]L|([0-7]|{'|'.join(_DAYS)})#[1-5]"),
    ),
)


def normal_field(field: CronField, text: str) -> str:
    """The upper-case text of one field, in terms that cronsim reads rightly. Raises `ValueError`
    with the reason if it is not one."""
    return ",".join(_normal_part(field, part) for part in text.split(","))


def _normal_part(field: CronField, part: str) -> str:
    if not part:
        raise ValueError(f"the {field.name} has an empty part: it must be {field.forms}")
    if field.special.fullmatch(part):
        return part
    span, slash, step = part.partition("/")
    if slash and not (_is_number(step) and int(step) > 0):
        raise ValueError(f"the step {shown(step)} of the {field.name} must be a whole number from 1 on")
    if span == "*":
        longest = field.high - field.low + 1  # beyond it a step gives the first value alone
        return f"*/{min(int(step), longest)}" if slash else part
    first, dash, last = span.partition("-")
    low = _value(field, first)
    high = _value(field, last) if dash else low
    if high < low:
        to_sunday = field.high == 7 and high == 0
        around = f"{first}-7" if to_sunday else f"{first}-{field.high},{field.low}-{last}"
        raise ValueError(f"the range {span} of the {field.name} runs backwards: write {around} if it wraps around")
    return first if dash and low == high else part


def _value(field: CronField, text: str) -> int:
    if text in field.names:
        return field.names.index(text) + field.low
    if not (_is_number(text) and field.low <= int(text) <= field.high):
        raise ValueError(f"the {field.name} is {shown(text)}, but must be {field.forms}")
    return int(text)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()
