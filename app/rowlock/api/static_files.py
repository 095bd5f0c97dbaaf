"""Files as they lie in a folder. Requests for them are marked, since one page asks for dozens."""

from __future__ import annotations

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

MARK = "rowlock.static_file"  # in the scope of a request that a file answered


class MarkedFiles(StaticFiles):
    """Serves a folder."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        scope[MARK] = True
        return response
