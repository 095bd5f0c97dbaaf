"""Values as people type them: payloads, durations, instants, ids. What cannot be read is an `InvalidArgument`."""

from __future__ import annotations

import re
import shlex
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from rowlock.domain.errors import InvalidArgument, InvalidPayload, PayloadTooLarge

UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])", re.ASCII)


def parse_object(text: str, *, what: str, max_bytes: int) -> dict[str, Any]:
    """A JSON object; `@file` reads it from a file and `-` from stdin."""
    from rowlock.domain.payloads import decode_json

    value = decode_json(_encoded(_source(text, what, max_bytes), what), what=what, max_bytes=max_bytes)
    if not isinstance(value, dict):
        kinds = {list: "an array", str: "a text", bool: "a boolean", type(None): "null"}
        found = kinds.get(type(value), "a number")
        raise InvalidPayload(f"The {what} must be a JSON object such as '{{\"to\": 1}}', not {found}.", field=what)
    return value


def _source(text: str, what: str, max_bytes: int) -> str | bytes:
    if text == "-":
        read = sys.stdin.buffer.read(max_bytes + 1)
    elif text.startswith("@"):
        try:
            with Path(text[1:]).open("rb") as file:
                read = file.read(max_bytes + 1)
        except OSError as error:
            raise InvalidArgument(f"The file {text[1:]!r} cannot be read: {error.strerror}.", field=what) from error
    else:
        return text
    if len(read) > max_bytes:
        raise PayloadTooLarge(f"The {what} has more than {max_bytes} bytes.", field=what)
    return read


def _encoded(text: str | bytes, what: str) -> bytes:
    """UTF-8; bytes of the command line that are no text reach us as lone surrogates."""
    try:
        return text if isinstance(text, bytes) else text.encode()
    except UnicodeEncodeError as error:
        raise InvalidPayload(f"The {what} is not valid UTF-8.", field=what) from error


def parse_duration(text: str, *, what: str) -> timedelta:
    """`90`, `90s`, `1.5h`, `1h30m`, `2d`; a bare number is seconds."""
    parts = _DURATION_PART.findall(text)
    if re.fullmatch(r"\d+(?:\.\d+)?", text, re.ASCII):
        seconds = float(text)
    elif parts and "".join(number + unit for number, unit in parts) == text:
        seconds = sum(float(number) * UNITS[unit] for number, unit in parts)
    else:
        raise InvalidArgument(f"The {what} {text!r} is no duration: write 90, 90s, 15m, 1h30m or 2d.", field=what)
    try:
        return timedelta(seconds=seconds)
    except OverflowError as error:
        raise InvalidArgument(f"The {what} {text!r} is too long.", field=what) from error


def parse_instant(text: str, *, what: str) -> datetime:
    """An instant in ISO 8601; without an offset it is local time."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise InvalidArgument(
            f"The {what} {text!r} is no instant: write it as 2030-01-31T08:00:00+01:00.", field=what
        ) from error


def parse_names(text: str | None) -> list[str] | None:
    """`a,b` as a list; None where nothing was said."""
    if text is None:
        return None
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise InvalidArgument(f"{text!r} names nothing.")
    return names


def split_password(url: str) -> tuple[str, str | None]:
    """A database's URL without its password, and the password: of two, the one that libpq takes, the parameter."""
    scheme, separator, rest = url.partition("://")
    account, at, where = _split_account(rest)
    user, colon, secret = account.partition(":")
    place, mark, query = where.partition("?")
    query, parameter = _without(query, "password")
    if parameter is None and not colon:
        return url, None
    bare = f"{scheme}{separator}{user}{at}{place}{mark if query else ''}{query}"
    return bare, unquote(secret) if parameter is None else parameter


def shown_url(url: str) -> str:
    """A database's URL as a shell takes it, without the passwords."""
    place, mark, query = split_password(url)[0].partition("?")
    # That of a client's key has no variable of its own: psql asks for it.
    query, _ = _without(query, "sslpassword")
    return shlex.quote(f"{place}{mark if query else ''}{query}")


def _split_account(rest: str) -> tuple[str, str, str]:
    """What stands before a URL's `@`, the `@`, and what stands behind it. A password may hold a `?` or an `@`."""
    first = rest.partition("/")[0].find("@")
    if first < 0:
        return "", "", rest
    end = min((at for at in (rest.find("/", first), rest.find("?", first)) if at >= 0), default=len(rest))
    account, at, hosts = rest[:end].rpartition("@")
    return account, at, f"{hosts}{rest[end:]}"


def _without(query: str, name: str) -> tuple[str, str | None]:
    """A URL's parameters without those of that name, and the value of the last of them, which is what counts."""
    kept, value = [], None
    for parameter in query.split("&"):
        key, _, given = parameter.partition("=")
        if unquote(key) == name:
            value = unquote(given)
        else:
            kept.append(parameter)
    return "&".join(kept), value
