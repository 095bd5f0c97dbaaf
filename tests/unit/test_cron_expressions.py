"""What a cron rule may look like, and the sentence that refuses anything else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowlock.domain.bounds import EARLIEST
from rowlock.domain.cron_expressions import MACROS, MAX_EXPRESSION, parse_cron
from rowlock.domain.cron_trigger import CronTrigger
from rowlock.domain.errors import InvalidArgument


@pytest.mark.parametrize(
    ("expression", "fields"),
    [
        ("*/5 * * * *", "*/5 * * * *"),
        ("  0   9\t* * mon-fri ", "0 9 * * MON-FRI"),
        ("*/10 * * * * *", "*/10 * * * * *"),
        ("0 0 L,15 jan,7 *", "0 0 L,15 JAN,7 *"),
        ("0 0 * * 5L", "0 0 * * 5L"),
        ("0 0 * * MON#2", "0 0 * * MON#2"),
        ("0 0 29 2 *", "0 0 29 2 *"),
        ("0 0 31 2 1", "0 0 31 2 1"),  # the 31st, or a Monday: Debian's OR
        (",".join(map(str, range(60))) + " * * * *", ",".join(map(str, range(60))) + " * * * *"),
        *((macro, fields) for macro, fields in MACROS.items()),
        (" @Daily ", "0 0 * * *"),
    ],
)
def test_rules_are_read(expression: str, fields: str) -> None:
    assert parse_cron(expression, "UTC") == CronTrigger(fields, "UTC")


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("", "it must have 5 or 6 fields"),
        ("* * * *", "it must have 5 or 6 fields"),
        ("* * * * * * *", "it must have 5 or 6 fields"),
        ("60 * * * *", "bad minute"),
        ("* 24 * * *", "bad hour"),
        ("* * 0 * *", "bad day-of-month"),
        ("* * * 13 *", "bad month"),
        ("* * * * 8", "bad day-of-week"),
        ("61 * * * * *", "bad second"),
        ("*/0 * * * *", "bad minute"),
        ("5-1 * * * *", "bad minute"),
        ("1,,2 * * * *", "bad minute"),
        ("-1 * * * *", "bad minute"),
        ("٣ * * * *", "bad minute"),
        ("? * * * *", "bad minute"),
        ("* * * * MON#6", "bad day-of-week"),
        ("0 0 30 2 *", "bad day-of-month"),
        ("0 0 1 * */7#5", "bad day-of-week"),
        ("0 0 */31 2 1#5", "no day ever matches it"),
        ("@reboot", "the macros are @yearly, "),
        ("@", "the macros are @yearly, "),
        ("0" * (MAX_EXPRESSION + 1), "it must be text of at most 200 characters"),
        (None, "it must be text of at most 200 characters"),
        (["*"] * 5, "it must be text of at most 200 characters"),
    ],
)
def test_anything_else_is_refused_with_its_reason(expression: object, reason: str) -> None:
    with pytest.raises(InvalidArgument, match=r"^The expression .* is not a cron rule: .*\.$") as refusal:
        parse_cron(expression, "UTC")
    assert f"not a cron rule: {reason}" in refusal.value.message
    assert refusal.value.detail == {"field": "expression"}


def test_seconds_can_be_forbidden() -> None:
    with pytest.raises(InvalidArgument, match="it must have 5 fields"):
        parse_cron("0 * * * * *", "UTC", allow_seconds=False)
    assert parse_cron("0 * * * *", "UTC", allow_seconds=False).fields == "0 * * * *"


def test_the_zone_is_refused_under_its_own_name() -> None:
    with pytest.raises(InvalidArgument) as refusal:
        parse_cron("@daily", "Mars/Olympus")
    assert refusal.value.detail == {"field": "timezone"}


words = st.sampled_from(["*", "L", "LW", "5L", "MON#2", "jan", "tue", "5-3", "1-4", "0,*", "", "#", "٣"])
terms = st.builds("{}{}".format, words | st.integers(-1, 61), st.sampled_from(["", "", "", "/0", "/2", "/40"]))


@given(st.lists(terms, min_size=4, max_size=7).map(" ".join) | st.text(max_size=20))
def test_a_rule_either_has_windows_and_a_description_or_is_refused(expression: str) -> None:
    try:
        trigger = parse_cron(expression, "UTC")
    except InvalidArgument:
        return
    assert next(trigger.windows_after(EARLIEST)) > EARLIEST
    assert trigger.describe()
