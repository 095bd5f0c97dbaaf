"""The operators' page at `/`. It answers only what no route knows, so the API's 404 and 405 stay what they are."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from rowlock import dashboard
from rowlock.api.static_files import MarkedFiles


def mount_dashboard(app: FastAPI) -> None:
    """Serves the page's files where no route matches."""
    app.router.default = _Page()


class _Page:
    def __init__(self) -> None:
        self._files = MarkedFiles(directory=dashboard.files(), html=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return  # a websocket or a lifespan that nobody serves
        if scope["method"] not in {"GET", "HEAD"} or scope["path"].startswith("/v1/"):
            raise HTTPException(404)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(dashboard.HEADERS)
            await send(message)

        await self._files(scope, receive, send_with_headers)
