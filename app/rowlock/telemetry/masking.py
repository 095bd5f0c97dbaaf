"""Secrets never reach a log: a processor replaces them by `***`, wherever in an event they stand.

Masked are the secret half of API keys, passwords in PostgreSQL URLs and connection strings, the
credentials of an Authorization header, and whole values under keys that name a secret. It masks
rather too much than too little: a password may hold `@`, so a URL is masked up to its last one.
Whatever the text, masking takes time in proportion to its length: strangers choose what is logged of a request.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from math import isfinite

from structlog.typing import EventDict, WrappedLogger

MASK = "***"
MAX_DEPTH = 8
SECRET_KEYS = frozenset(
    {
        "api_key", "apikey", "x_api_key", "authorization", "proxy_authorization", "cookie",
        "set_cookie", "password", "passwd", "pgpassword", "secret", "token", "access_token",
    }
)  # fmt: skip

_IN_TEXT = (
    (re.compile(r"\b(rlk_[A-Za-z0-9-]+)_[A-Za-z0-9_-]+"), rf"\1_{MASK}"),
    (re.compile(r"(?i)(\b(?:ssl)?password\s*=\s*)(?:'(?:[^'\\]|\\.)*'|[^\s&'\"]+)"), rf"\1{MASK}"),
    (re.compile(r"(?i)(\bauthorization\b\W{1,6}(?:(?:bearer|basic)\s+)?)[^\s\"',]+"), rf"\1{MASK}"),
    (re.compile(r"(?i)(\bbearer\s+)[\w.~+/=-]{8,}"), rf"\1{MASK}"),
)
_URL_TO_PASSWORD = re.compile(r"\bpostgres(?:ql)?(?:\+\w+)?://[^\s:/@]*:")
_URL_FROM_PASSWORD = re.compile(r"[^\s\"'<>]*")
_HINT = re.compile(r"(?i)rlk_|postgres|password|authorization|bearer")


def mask_text(text: str) -> str:
    """The text with every secret in it replaced."""
    if _HINT.search(text):
        text = _mask_urls(text)
        for pattern, replacement in _IN_TEXT:
            text = pattern.sub(replacement, text)
    return text


def _mask_urls(text: str) -> str:
    """Without the passwords of PostgreSQL URLs. A loop, as one pattern would look for the `@` anew at each URL."""
    masked, copied, searched = "", 0, 0
    url = _URL_TO_PASSWORD.search(text)
    while url:
        begin, at = url.end(), -1
        if begin >= searched and (rest := _URL_FROM_PASSWORD.match(text, begin)):
            searched = rest.end()
            at = text.rfind("@", begin, searched)
        if at < 0:
            url = _URL_TO_PASSWORD.search(text, url.start() + 1)
        else:
            masked += text[copied:begin] + MASK
            copied = at
            url = _URL_TO_PASSWORD.search(text, at)
    return masked + text[copied:]


def mask_secrets(_logger: WrappedLogger, _method: str, event_dict: EventDict) -> EventDict:
    """Processor: mask the event; what JSON does not know becomes text, so that it is masked too."""
    return {key: _masked(key, value, MAX_DEPTH) for key, value in event_dict.items()}


@lru_cache(maxsize=1_000)  # the keys of a program's events are few, and every value of every line has one
def _names_a_secret(key: str) -> bool:
    return key.lower().replace("-", "_") in SECRET_KEYS


def _masked(key: object, value: object, depth: int) -> object:
    if isinstance(key, str) and _names_a_secret(key):
        return MASK
    if type(value) is str:
        return mask_text(value)
    if value is None or isinstance(value, int) or (isinstance(value, float) and isfinite(value)):
        return value
    if depth and isinstance(value, Mapping):
        return {str(k): _masked(k, v, depth - 1) for k, v in value.items()}
    if depth and isinstance(value, list | tuple | set | frozenset):
        return [_masked(None, item, depth - 1) for item in value]
    if isinstance(value, bytes):
        value = value.decode(errors="backslashreplace")
    return mask_text(str(value))
