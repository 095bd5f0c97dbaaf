"""Routes on the busiest way, which ask for themselves what FastAPI's dependencies would give them.

FastAPI works out at each request what a route's parameters want. Where the work itself takes as long as that, a
`DirectRoute` is asked first: it answers by the same functions, and so alike. The documented route stays in its router.
"""

from __future__ import annotations

from starlette.routing import Match, Route
from starlette.types import Scope


class DirectRoute(Route):
    """A plain route. Of other methods at its path it knows nothing, for the documented routes do."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, found = super().matches(scope)
        if match is not Match.FULL:
            return Match.NONE, {}
        return match, {**found, "route": self}
