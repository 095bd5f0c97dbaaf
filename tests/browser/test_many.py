"""Where there is much: workers, schedules and queues beyond what one page or one screen holds."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect
from tests.browser.conftest import Opener, Site

from rowlock.domain.schedule_requests import schedule_request
from rowlock.engine.operate import Actor
from rowlock.engine.schedules import create_schedule

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

NARROW = 390
IN_SIGHT = """link => {
    const { left, right } = link.getBoundingClientRect();
    return left >= 0 && right <= innerWidth;
}"""
WORKERS = """
    INSERT INTO rowlock.workers (name, hostname, pid, version, queues, concurrency, expires_at, stopped_at)
    SELECT CASE WHEN n = 1 THEN 'the-old-one' ELSE 'web-' || n END, 'web', n, '0.1.0', '{mail}', 10, 'infinity',
           CASE WHEN n > 1 THEN rowlock.clock() END
      FROM generate_series(1, 201) AS n
"""
AILING_WORKERS = """
    INSERT INTO rowlock.workers (name, hostname, pid, version, queues, concurrency, health, expires_at, stopped_at)
    SELECT coalesce((ARRAY['vanished', 'weak', 'sick'])[n], 'web-' || n - 3), 'web', n, '0.1.0', '{mail}', 10,
           coalesce((ARRAY['healthy', 'degraded', 'unhealthy'])[n], 'healthy'),
           rowlock.clock() + CASE WHEN n = 1 THEN '-1 minute' ELSE '1 hour' END::interval,
           CASE WHEN n = 1 THEN rowlock.clock() END
      FROM generate_series(1, 23) AS n
"""


async def assert_in_sight(page: Page, links: str) -> None:
    await page.wait_for_function(f"({IN_SIGHT})(document.querySelector({links!r}))")


async def test_a_worker_is_seen_behind_many_that_have_stopped(site: Site, open_page: Opener) -> None:
    await site.sql(WORKERS)
    page = await open_page()
    table = page.locator(".table-frame[aria-label=Workers]")
    await expect(table.locator("tbody tr")).to_have_count(1)
    await expect(table).to_contain_text("the-old-one")

    await page.get_by_role("link", name="Workers").click()
    for number in range(2, 6):
        await page.get_by_role("button", name="Older").click()
        await expect(page.get_by_text(f"Page {number}")).to_be_visible()
        await expect(page.locator(".loading")).to_have_count(0)
    await expect(table.locator("tbody tr")).to_have_count(1)
    await expect(table).to_contain_text("the-old-one")


async def test_workers_that_are_not_well_come_first(site: Site, open_page: Opener) -> None:
    await site.sql(AILING_WORKERS)
    page = await open_page()
    rows = page.locator(".table-frame[aria-label=Workers] tbody tr")
    await expect(rows).to_have_count(12)
    for number, name in enumerate(["sick", "weak", "vanished", "web-20", "web-19"]):
        await expect(rows.nth(number)).to_contain_text(name)
    await expect(rows.nth(2)).to_contain_text("gone")
    await expect(page.get_by_role("link", name="All 23 workers")).to_be_visible()


async def test_those_at_work_are_seen_however_many_have_crashed(site: Site, open_page: Opener) -> None:
    await site.sql(AILING_WORKERS)
    await site.sql("UPDATE rowlock.workers SET expires_at = rowlock.clock() - interval '1 hour' WHERE name <> 'web-1'")
    page = await open_page()
    rows = page.locator(".table-frame[aria-label=Workers] tbody tr")
    await expect(rows).to_have_count(4)
    await expect(rows.nth(3)).to_contain_text("web-1")
    await expect(rows.nth(3)).to_contain_text("healthy")
    await expect(page.get_by_role("link", name="All 23 workers")).to_be_visible()


async def test_schedules_go_on_over_pages(site: Site, open_page: Opener) -> None:
    for number in range(51):
        request = schedule_request(name=f"nightly{number:02}", task_name="report.build", cron="0 3 * * *")
        await create_schedule(site.database, "default", request, actor=Actor("somebody"))
    page = await open_page("schedules")
    rows = page.locator("tbody tr")
    await expect(rows).to_have_count(50)
    await page.get_by_role("button", name="Next").click()
    await expect(rows).to_have_count(1)
    await expect(rows).to_contain_text("nightly50")


async def test_queues_that_hurt_come_first_and_many_are_folded(site: Site, open_page: Opener) -> None:
    for number in range(11):
        await site.enqueue(queue=f"q{number:02}", delay=600)
    await site.bury(await site.enqueue(queue="y-dead"))
    late = await site.enqueue(queue="z-late")
    await site.sql(
        "UPDATE rowlock.tasks_live SET visible_at = rowlock.clock() - interval '1 hour' WHERE id = %(id)s", id=late
    )
    page = await open_page()
    rows = page.get_by_role("region", name="Queues").locator("tbody tr")
    await expect(rows).to_have_count(10)
    await expect(rows.nth(0)).to_contain_text("z-late")
    await expect(rows.nth(1)).to_contain_text("y-dead")
    await page.get_by_role("button", name="Show all 13 queues").click()
    await expect(rows).to_have_count(13)

    dead = page.locator(".total", has_text="Dead")
    await expect(dead).to_contain_text("1")
    await dead.get_by_role("link").click()
    await expect(page.get_by_role("heading", name="Dead letters")).to_be_visible()


async def test_what_is_marked_is_in_sight_on_a_narrow_screen(open_page: Opener) -> None:
    page = await open_page("tasks?status=cancelled", width=NARROW)
    await expect(page.locator(".statuses [aria-current]")).to_have_text("cancelled")
    await assert_in_sight(page, ".statuses [aria-current]")
    await page.goto(page.url.split("#")[0] + "#/handlers")
    await expect(page.locator(".ways [aria-current]")).to_have_text("Handlers")
    await assert_in_sight(page, ".ways [aria-current]")
