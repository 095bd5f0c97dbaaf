"""Refusals that only HTTP knows: no other entrance has bodies, methods or media types."""

from __future__ import annotations

from rowlock.domain.errors import InvalidArgument, RowlockError


class MalformedBody(InvalidArgument):
    """The body is not the JSON object that it has to be."""

    problem, title, status = "malformed-body", "Malformed body", 400


class MalformedHeader(InvalidArgument):
    """A header cannot be read."""

    problem, title, status = "malformed-header", "Malformed header", 400


class UnsupportedMediaType(RowlockError):
    """The body is of a type, or in an encoding, that is not taken."""

    problem, title, status = "unsupported-media-type", "Unsupported media type", 415


class MethodNotAllowed(RowlockError):
    """The path exists, and does not know the method."""

    problem, title, status = "method-not-allowed", "Method not allowed", 405


class BadRequest(RowlockError):
    """The request is not HTTP as the server understands it."""

    problem, title, status = "bad-request", "Bad request", 400


class Internal(RowlockError):
    """A defect. The log has its traceback under the request's id."""

    problem, title, status = "internal", "Internal error", 500
