"""The operators' page in a real browser, served by the real API on a database of the test's own.

One browser serves all of these tests, which therefore share an event loop; the synchronous driver would leave a loop
running behind that no asynchronous test elsewhere could live with.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from rowlock.api.server import serve
from rowlock.config import Settings
from rowlock.domain.requests import task_request
from rowlock.engine.access import create_key
from rowlock.engine.enqueue import enqueue
from rowlock.store.database import Database

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# What Playwright switches off, for of this flag only the last one counts; then what Chromium would load beside each
# page, which took more CPU than the pages: its address bar's two pages for every window, and a renderer in reserve.
FEATURES = [
    "AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable", "LensOverlay", "MediaRouter", "PaintHolding", "ThirdPartyStoragePartitioning",
    "AvoidCorsURLLoaderRestartOnRedirect", "OptimizationHints", "NetworkTimeServiceQuerying", "AimEnabled",
    "PreconnectToSearch", "WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "PreloadTopChromeWebUI",
    "SpareRendererForSitePerProcess",
]  # fmt: skip
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    f"--disable-features={','.join(FEATURES)}",
]  # fmt: skip
WIDTH, HEIGHT = 1280, 800
PATIENCE_MS = 15_000  # a busy machine's; what is there at once is seen at once

expect.set_options(timeout=PATIENCE_MS)


@dataclass(frozen=True)
class Site:
    """A running API with its database."""

    address: str
    database: Database

    async def key(self, scope: str = "admin") -> str:
        return (await create_key(self.database, "default", f"a {scope}", [scope], "test")).key

    async def enqueue(self, name: str = "mail.send", **options: Any) -> UUID:
        return (await enqueue(self.database, "default", task_request(name, **options))).id

    async def sql(self, statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
        async with self.database.link() as link:
            return await link.query(statement, parameters or None)

    async def bury(self, task_id: UUID, error: str = "SMTPException: refused", traceback: str = "Traceback …") -> None:
        """Makes a dead letter of a task, with one attempt."""
        await self.sql(
            """
            WITH buried AS (
                UPDATE rowlock.tasks
                   SET status = 'dead', finished_at = rowlock.clock(), expires_on = rowlock.today() + 7, attempt = 1,
                       started_at = rowlock.clock(), worker_id = 7, lease_token = 1, reason = 'attempts_exhausted',
                       error = %(error)s
                 WHERE id = %(id)s RETURNING *
            )
            INSERT INTO rowlock.executions (task_id, started_at, finished_at, lease_token, finished_on, worker_id,
                                            outcome, run_seconds, attempt, tenant_id, queue, name, reason, error,
                                            traceback)
            SELECT id, started_at, finished_at, 1, rowlock.execution_day(), 7, 'failed', 0.5, 1, tenant_id, queue, name,
                   'error', error, %(traceback)s
              FROM buried
            """,
            id=task_id,
            error=error,
            traceback=traceback,
        )


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where Chromium is."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("No Chromium is installed, so the page was not looked at: apt-get install chromium")
    return found


@pytest_asyncio.fixture(loop_scope="session")
async def site(database_url: str) -> AsyncIterator[Site]:
    settings = Settings(database_url=database_url, port=0, drain_seconds=1)
    stop, listening = asyncio.Event(), asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(settings, stop=stop, on_ready=listening.set_result))
    await asyncio.wait({serving, listening}, return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        await serving
    async with Database(settings) as database:
        yield Site(await listening, database)
    stop.set()
    await serving


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium: str) -> AsyncIterator[Browser]:
    async with async_playwright() as driver:
        launched = await driver.chromium.launch(executable_path=chromium, args=FLAGS)
        yield launched
        await launched.close()


Opener = Callable[..., Awaitable[Page]]


@pytest_asyncio.fixture(loop_scope="session")
async def new_page(browser: Browser) -> AsyncIterator[Opener]:
    """Opens an empty page with a session storage of its own; closed with the test."""
    contexts: list[BrowserContext] = []

    async def opened(*, width: int = WIDTH, scheme: Literal["light", "dark"] = "light") -> Page:
        context = await browser.new_context(
            viewport={"width": width, "height": HEIGHT}, color_scheme=scheme, reduced_motion="reduce"
        )
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        return await context.new_page()

    yield opened
    for context in contexts:
        await context.close()


@pytest.fixture
def open_page(site: Site, new_page: Opener) -> Opener:
    """Opens the page under a key, at a route such as `tasks`."""

    async def opened(route: str = "", *, scope: str = "admin", width: int = WIDTH, scheme: str = "light") -> Page:
        page = await new_page(width=width, scheme=scheme)
        await page.goto(f"{site.address}/#key={await site.key(scope)}")
        await page.get_by_role("heading", name="Overview").wait_for()
        if route:
            await page.goto(f"{site.address}/#/{route}")
        return page

    return opened
