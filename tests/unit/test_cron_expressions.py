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
        ("0 0 * * 7L,0#1", "0 0 * * 7L,0#1"),
        ("0 0 LW * *", "0 0 LW * *"),
        ("0 0 * nov-DEC/1 sun-6/2", "0 0 * NOV-DEC/1 SUN-6/2"),
        # What has one value alone is written so that cronsim does not count on from it.
        ("5-5/10 3-3 * * *", "5 3 * * *"),
        ("*/90 */24 * * *", "*/60 */24 * * *"),
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
        ("", "it must have 5 or 6 fields, but has 0"),
        ("* * * *", "it must have 5 or 6 fields, but has 4"),
        ("* * * * * * *", "it must have 5 or 6 fields, but has 7"),
        ("60 * * * *", "the minute is '60', but must be a number from 0 to 59"),
        ("* 24 * * *", "the hour is '24', but must be a number from 0 to 23"),
        ("* * 0 * *", "the day of month is '0', but must be a number from 1 to 31, L (the last day) or LW "),
        ("* * * 13 *", "the month is '13', but must be a number from 1 to 12 or a name from JAN to DEC"),
        ("* * * foo *", "the month is 'FOO', but must be "),
        ("* * * * 8", "the day of week is '8', but must be a number from 0 to 7, a name from SUN to SAT, "),
        ("61 * * * * *", "the second is '61', but must be "),
        ("*/0 * * * *", "the step '0' of the minute must be a whole number from 1 on"),
        ("* */x * * *", "the step 'X' of the hour must be "),
        ("* * */ * *", "the step '' of the day of month must be "),
        ("*/2/3 * * * *", "the step '2/3' of the minute must be "),
        ("50-10 * * * *", "the range 50-10 of the minute runs backwards: write 50-59,0-10 if it wraps around"),
        ("* * * * MON-SUN", "the range MON-SUN of the day of week runs backwards: write MON-7 if it wraps around"),
        ("* * * * FRI-MON", "the range FRI-MON of the day of week runs backwards: write FRI-7,0-MON if "),
        ("1,,2 * * * *", "the minute has an empty part: it must be "),
        ("-1 * * * *", "the minute is '', but must be "),
        ("1- * * * *", "the minute is '', but must be "),
        ("1-2-3 * * * *", "the minute is '2-3', but must be "),
        ("5-*/2 * * * *", "the minute is '*', but must be "),
        ("٣ * * * *", "the minute is '٣', but must be "),
        ("? * * * *", "the minute is '?', but must be "),
        ("* * 15W * *", "the day of month is '15W', but must be "),
        ("* * L/2 * *", "the day of month is 'L', but must be "),
        ("* * 1-L * *", "the day of month is 'L', but must be "),
        ("L * * * *", "the minute is 'L', but must be "),
        ("* * * * L", "the day of week is 'L', but must be "),
        ("* * * * MON#6", "the day of week is 'MON#6', but must be "),
        ("* * * * MON#2/2", "the day of week is 'MON#2', but must be "),
        ("0 0 30 2 *", "it never comes: no date matches its day of month, month and day of week"),
        ("0 0 31 2,4,6,9,11 *", "it never comes"),
        ("0 0 30 2 */2", "it never comes"),  # a star, so both day fields must match
        ("0 0 */31 2 1#5", "it never comes"),
        ("0 0 1 * */7#5", "the step '7#5' of the day of week must be "),
        ("@reboot", "@reboot names no time, and a schedule outlives every restart"),
        ("@", "the macros are @yearly, "),
        ("@fortnightly", "the macros are @yearly, "),
        ("0" * (MAX_EXPRESSION + 1), "it has 201 characters, but must have at most 200"),
        (None, "it must be text"),
        (["*"] * 5, "it must be text"),
    ],
)
def test_anything_else_is_refused_with_its_reason(expression: object, reason: str) -> None:
    with pytest.raises(InvalidArgument, match=r"^The expression .* is not a cron rule: .*\.$") as refusal:
        parse_cron(expression, "UTC")
    assert f"not a cron rule: {reason}" in refusal.value.message
    assert refusal.value.detail == {"field": "expression"}


def test_seconds_can_be_forbidden() -> None:
    with pytest.raises(InvalidArgument, match="it must have 5 fields: one with seconds must be allowed explicitly"):
        parse_cron("0 * * * * *", "UTC", allow_seconds=False)
    with pytest.raises(InvalidArgument, match="it must have 5 fields, but has 7"):
        parse_cron("0 * * * * * *", "UTC", allow_seconds=False)
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
