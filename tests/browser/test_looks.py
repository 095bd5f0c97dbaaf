"""Every page, wide and narrow, light and dark: nothing spills over, is fetched from elsewhere, or complains."""

from __future__ import annotations

import pytest
from playwright.async_api import expect
from tests.browser.conftest import Opener, Site

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

PAGES = ("", "tasks", "tasks/{task}", "dead-letters", "schedules", "workers", "handlers", "nowhere")
LONG = "a_rather_long_name_that_has_no_place_to_break." * 3


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (400, "dark")])
async def test_every_page_fits_and_keeps_to_itself(site: Site, open_page: Opener, width: int, scheme: str) -> None:
    task = await site.enqueue(LONG.rstrip("."), payload={LONG: [LONG * 5]}, tags=[LONG[:100]], queue=LONG[:90])
    await site.bury(await site.enqueue(LONG.rstrip(".")), error=LONG * 5)
    await site.sql(
        """
        WITH made AS (
            INSERT INTO rowlock.workers
                   (name, hostname, pid, version, queues, concurrency, health, health_reason, expires_at)
            VALUES ('web-3', 'web-3', 4121, '0.1.0', '{mail}', 100, 'degraded', 'renewals are late', 'infinity')
        )
        INSERT INTO rowlock.handlers (name, queue, priority, max_attempts, executor, description, payload_schema)
        VALUES ('mail.send', 'mail', 2, 4, 'async', 'Sends one mail.', '{"type": "object"}')
        """
    )
    page = await open_page(width=width, scheme=scheme)
    complaints: list[str] = []
    fetched: set[str] = set()
    page.on("console", lambda said: complaints.append(said.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: fetched.add(request.url))

    for route in PAGES:
        await page.goto(f"{site.address}/#/{route.format(task=task)}")
        await expect(page.locator("h1")).to_be_visible()
        await expect(page.locator(".loading")).to_have_count(0)
        await expect(page.locator(".failure")).to_have_count(0)
        spilled = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert spilled == 0, f"{route} is {spilled} pixels too wide"

    assert complaints == []
    assert {url for url in fetched if not url.startswith(site.address)} == set()
