"""Answers in JSON: instants as RFC 3339 in UTC, ids as text, absent values as null."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import Request, Response

OPTIONS = orjson.OPT_UTC_Z
JSON_TYPE = "application/json"


def json_reply(content: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """The content as JSON."""
    return Response(orjson.dumps(content, option=OPTIONS), status, headers, JSON_TYPE)


def tagged_reply(request: Request, content: object) -> Response:
    """The same with a weak ETag, or 304 where the client has just that already."""
    body = orjson.dumps(content, option=OPTIONS)
    etag = f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if _matches(request.headers.getlist("if-none-match"), etag):
        return Response(status_code=304, headers=headers)
    return Response(body, 200, headers, JSON_TYPE)


def page(items: list[dict[str, Any]], next_cursor: str | None) -> Response:
    """One page of a list. `next_cursor` is null on the last one."""
    return json_reply({"items": items, "next_cursor": next_cursor})


def _matches(wanted: list[str], etag: str) -> bool:
    """Weak comparison (RFC 9110, section 8.8.3.2): W/ makes no difference."""
    opaque = etag.removeprefix("W/")
    tags = [tag.strip() for field in wanted for tag in field.split(",")]
    return any(tag == "*" or tag.removeprefix("W/") == opaque for tag in tags)
