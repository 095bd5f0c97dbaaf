"""`Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): the same key with the same request is answered once.

The draft has the key as a Structured Field string (`"8e03978e-…"`); many clients send it bare, so both are taken, and
name the same key. The database keeps keys; what the answers mean is told by the domain's errors: another request under
the key is 422, one that has not been answered yet 409.
"""

from __future__ import annotations

import re

from fastapi import Request

from rowlock.api.refusals import MalformedHeader
from rowlock.domain.bounds import MAX_KEY

HEADER = "Idempotency-Key"
_QUOTED = re.compile(r'"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
_BARE = re.compile(r"[\x21\x23-\x7e](?:[\x20\x21\x23-\x7e]*[\x21\x23-\x7e])?")
_ESCAPED = re.compile(r'\\(["\\])')


def idempotency_key(request: Request) -> str | None:
    """The request's key; None where there is no such header. Raises `MalformedHeader`."""
    sent = request.headers.getlist(HEADER)
    if not sent:
        return None
    if len(sent) > 1:
        raise _refusal("is there twice")
    text = sent[0].strip()
    quoted = _QUOTED.fullmatch(text)
    if quoted is not None:
        key = _ESCAPED.sub(r"\1", quoted[1])
    elif _BARE.fullmatch(text) is not None:
        key = text
    else:
        raise _refusal('must be printable ASCII text, quoted ("…") or bare')
    if not 1 <= len(key) <= MAX_KEY:
        raise _refusal(f"must have 1 to {MAX_KEY} characters, not {len(key)}")
    return key


def refuse_idempotency_key(request: Request, instead: str) -> None:
    """For requests that it would not protect."""
    if HEADER in request.headers:
        raise _refusal(f"is not taken here: {instead}")


def _refusal(rule: str) -> MalformedHeader:
    return MalformedHeader(f"The header {HEADER} {rule}.", field=HEADER)
