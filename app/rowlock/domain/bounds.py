"""The largest and smallest values that rowlock takes, each with its reason, and their checks.

Every check returns the normalised value or raises `InvalidArgument`, whose sentence names the
field, the value and the bound, and whose detail carries `field`. The checks are the same for
Python, REST and the command line, so a task refused at one entrance is refused at all.
"""

from __future__ import annotations

import math
import re
import reprlib
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from rowlock.domain.errors import InvalidArgument

MAX_NAME = 200  # a dotted Python path fits; an index entry stays narrow
MAX_QUEUE = 100  # part of the claim index and of metric labels
MAX_TENANT = 63  # as long as a PostgreSQL identifier or a DNS label
MAX_FLOW_KEY = 100  # a lane is tenant, slash and flow key, and lies in the claim index
MAX_KEY = 255  # idempotency and unique keys: four bytes a character stay below a B-tree's 2,704
MAX_TAGS = 20  # tags are for finding tasks again, not for data
MAX_TAG = 100
MAX_METADATA_BYTES = 16_384  # trace context and the like: read with every claim
MAX_NESTING = 64  # far beyond honest payloads, far below every parser's recursion limit
MAX_ATTEMPTS = 1_000  # the column is a smallint (32,767)
MAX_VERSION = 32_767  # of a payload or result: the columns are smallints
MAX_DELAY = timedelta(days=3_660)  # ten years: anything longer is a unit mistaken for another
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)  # an instant before the epoch is a mistake
# 9999-12-31 is the sentinel of live and blocked rows, so nothing may be due in that year.
LATEST = datetime(9998, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
MAX_STEPS = 1_000  # of one task: they are read at once, and longer work is better cut into tasks
MAX_ERROR_CHARS = 4_000  # shown in lists of dead letters
MAX_TRACEBACK_CHARS = 20_000  # some hundred frames; the middle of a longer one is left out
MAX_TIMEOUT_SECONDS = 2_592_000  # 30 days: longer work is better cut into tasks

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/-]*")
_QUEUE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]*")  # no slash: a queue is one segment of a URL
_TENANT = re.compile(r"[a-z0-9][a-z0-9_.-]*")  # no slash: it would blur tenant and flow key
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")  # PostgreSQL's text holds neither


class _ShortRepr(reprlib.Repr):
    """Never long, never slow, never raising: what it quotes may be anything a caller passed."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = self.maxlong = 80

    def repr_int(self, x: int, level: int) -> str:
        if x.bit_length() > 256:  # repr() itself refuses beyond 4,300 digits
            return f"a number of {x.bit_length()} bits"
        return super().repr_int(x, level)


_quote = _ShortRepr().repr


def shown(value: object) -> str:
    """`value` as an error may quote it: printable and short, whatever it is."""
    return str(value) if isinstance(value, timedelta | datetime) else _quote(value)


def storable_text(text: str) -> str:
    r"""`text` as PostgreSQL can hold it: NUL and lone surrogates become `\x00` and `\udXXX`."""
    if _UNSTORABLE.search(text) is None:
        return text
    return text.replace("\0", r"\x00").encode("utf-8", "backslashreplace").decode("utf-8")


def check_name(value: object, *, field: str = "name") -> str:
    """A task's name: 1 to 200 letters, digits and `_ . : / -`, such as `mail.send`."""
    return _matching(value, _NAME, MAX_NAME, field, "letters, digits and _ . : / -")


def check_queue(value: object, *, field: str = "queue") -> str:
    """A queue's name: 1 to 100 letters, digits and `_ . : -`."""
    return _matching(value, _QUEUE, MAX_QUEUE, field, "letters, digits and _ . : -")


def check_tenant(value: object, *, field: str = "tenant") -> str:
    """A tenant's id: 1 to 63 lower-case letters, digits and `_ . -`."""
    return _matching(value, _TENANT, MAX_TENANT, field, "lower-case letters, digits and _ . -")


def check_flow_key(value: object, *, field: str = "flow_key") -> str:
    """A flow key: 1 to 100 characters of any storable text."""
    return _text(value, MAX_FLOW_KEY, field)


def check_key(kind: str, text: object) -> str:
    """An `idempotency_key` or `unique_key` (that is `kind`): 1 to 255 characters."""
    return _text(text, MAX_KEY, kind)


def check_tags(value: object, *, field: str = "tags") -> list[str]:
    """At most 20 tags of 1 to 100 characters; repetitions are dropped, a set is sorted."""
    if not isinstance(value, list | tuple | set | frozenset):
        _refuse(field, value, "must be a list of texts")
    given = [_text(tag, MAX_TAG, field) for tag in value]
    tags = sorted(given) if isinstance(value, set | frozenset) else list(dict.fromkeys(given))
    if len(tags) > MAX_TAGS:
        raise InvalidArgument(
            f"The field {field} has {len(tags)} tags, but must have at most {MAX_TAGS}.",
            field=field,
        )
    return tags


def check_delay(value: object, *, field: str = "delay") -> timedelta:
    """A delay of zero to 3,660 days."""
    if not isinstance(value, timedelta):
        _refuse(field, value, "must be a timedelta")
    if value < timedelta(0):
        _refuse(field, value, "must not be negative")
    if value > MAX_DELAY:
        _refuse(field, value, f"must be at most {MAX_DELAY.days} days")
    return value


def check_run_at(value: object, *, field: str = "run_at") -> datetime:
    """An aware instant of the years 1970 to 9998, returned in UTC."""
    if not isinstance(value, datetime) or value.utcoffset() is None:
        _refuse(field, value, "must be a datetime with a time zone")
    try:
        instant = value.astimezone(UTC)
    except OverflowError:
        instant = None  # the offset carries it beyond year 1 or 9999
    if instant is None or not EARLIEST <= instant <= LATEST:
        _refuse(field, value, f"must lie in the years {EARLIEST.year} to {LATEST.year}")
    return instant


def check_max_attempts(value: object, *, field: str = "max_attempts") -> int:
    """1 to 1,000 attempts, the first one included."""
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_ATTEMPTS:
        _refuse(field, value, f"must be a whole number from 1 to {MAX_ATTEMPTS}")
    return int(value)


def check_timeout(value: object, *, field: str = "timeout") -> timedelta:
    """A timeout above zero and of at most 30 days."""
    if not isinstance(value, timedelta):
        _refuse(field, value, "must be a timedelta")
    if not timedelta(0) < value <= timedelta(seconds=MAX_TIMEOUT_SECONDS):
        _refuse(field, value, f"must be more than 0 and at most {MAX_TIMEOUT_SECONDS} seconds")
    return value


def check_expires_in(value: object, *, field: str = "expires_in") -> timedelta:
    """A life of more than zero and at most 3,660 days."""
    if not isinstance(value, timedelta):
        _refuse(field, value, "must be a timedelta")
    if not timedelta(0) < value <= MAX_DELAY:
        _refuse(field, value, f"must be more than 0 and at most {MAX_DELAY.days} days")
    return value


def duration(seconds: object, *, field: str) -> timedelta:
    """The timedelta of a wire's `…_seconds`; NaN, infinities and overflows are refused."""
    if not isinstance(seconds, int | float) or isinstance(seconds, bool):
        _refuse(field, seconds, "must be a number of seconds")
    if isinstance(seconds, float) and not math.isfinite(seconds):
        _refuse(field, seconds, "must be a finite number of seconds")
    try:
        return timedelta(seconds=seconds)
    except OverflowError:
        _refuse(field, seconds, f"must be at most {MAX_DELAY.days} days")


def _matching(value: object, pattern: re.Pattern[str], longest: int, field: str, alphabet: str) -> str:
    text = _text(value, longest, field)
    if pattern.fullmatch(text) is None:
        _refuse(field, text, f"must consist of {alphabet}, not starting with punctuation")
    return text


def _text(value: object, longest: int, field: str) -> str:
    if not isinstance(value, str):
        _refuse(field, value, "must be text")
    if not 1 <= len(value) <= longest:
        _refuse(field, value, f"must have 1 to {longest} characters, not {len(value)}")
    if _UNSTORABLE.search(value) is not None:
        _refuse(field, value, "must not contain NUL characters or lone surrogates")
    return value


def _refuse(field: str, value: object, rule: str) -> NoReturn:
    raise InvalidArgument(f"The field {field} is {shown(value)}, but {rule}.", field=field)
