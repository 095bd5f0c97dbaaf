"""`/openapi.json`, and `/docs`: Swagger UI from files that a package brings along, so that it works offline."""

from __future__ import annotations

import asyncio
from pathlib import Path

import fastapi_offline
import orjson
from fastapi import FastAPI, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html

from rowlock.api.static_files import MarkedFiles

ASSETS = "/docs/assets"
OPENAPI = "/openapi.json"
HEADERS = {  # a key may be typed in here; the page starts itself by a script of its own
    "Content-Security-Policy": "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def serve_docs(app: FastAPI) -> None:
    """Adds the routes."""

    async def openapi(request: Request) -> Response:
        document = await asyncio.to_thread(request.app.openapi)  # takes a moment the first time
        return Response(orjson.dumps(document), media_type="application/json")

    async def docs(request: Request) -> Response:
        root = request.scope.get("root_path", "")
        page = get_swagger_ui_html(
            openapi_url=root + OPENAPI,
            title="rowlock",
            swagger_js_url=f"{root}{ASSETS}/swagger-ui-bundle.js",
            swagger_css_url=f"{root}{ASSETS}/swagger-ui.css",
            swagger_favicon_url=f"{root}{ASSETS}/favicon.png",
            swagger_ui_parameters={"displayRequestDuration": True},
        )
        page.headers.update(HEADERS)
        return page

    app.add_route(OPENAPI, openapi, include_in_schema=False)
    app.add_route("/docs", docs, include_in_schema=False)
    app.mount(ASSETS, MarkedFiles(directory=Path(fastapi_offline.__file__).with_name("static")))
