"""What the overview says of the whole, and where it leads."""

from __future__ import annotations

import pytest
from playwright.async_api import expect
from tests.browser.conftest import Opener, Site
from tests.harness.installation import Installation
from tests.harness.schedules import new_epoch

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

LATE = "UPDATE rowlock.tasks_live SET visible_at = rowlock.clock() - interval '3 hours' WHERE id = %(id)s"


async def test_that_no_scheduler_leads_is_said_with_what_to_do(site: Site, open_page: Opener) -> None:
    page = await open_page(scope="read")
    said = page.get_by_label("Scheduler")
    await expect(said).to_contain_text("none has ever led")
    await expect(said).to_contain_text("Start it: rowlock scheduler")

    await new_epoch(Installation(site.database))
    await site.sql("UPDATE rowlock.leaders SET renewed_at = rowlock.clock() + interval '1 hour'")
    await page.reload()
    await expect(page.get_by_text("No queue has tasks yet.")).to_be_visible()
    await expect(page.locator(".loading")).to_have_count(0)
    await expect(said).to_have_count(0)

    await site.sql("UPDATE rowlock.leaders SET renewed_at = rowlock.clock() - interval '2 hours'")
    await page.reload()
    await expect(said).to_contain_text("the last was heard of 2 h ago")


async def test_the_longest_wait_leads_to_the_task_that_waits(site: Site, open_page: Opener) -> None:
    late = await site.enqueue("mail.late", queue="mail")
    await site.sql(LATE, id=late)
    for number in range(51):
        await site.enqueue(f"mail.send{number}", queue="mail")
    await site.enqueue("report.build", queue="reports")
    page = await open_page()
    await page.get_by_role("link", name="Longest wait").click()
    rows = page.locator("tbody tr")
    await expect(rows.first).to_contain_text("mail.late")
    await expect(rows).to_have_count(50)
    await page.get_by_role("button", name="Newer").click()
    await expect(rows.last).to_contain_text("mail.send50")
    await page.get_by_role("link", name="Show the newest first").click()
    await expect(rows.first).to_contain_text("mail.send50")

    await page.goto(f"{site.address}/#/")
    await page.get_by_role("region", name="Queues").get_by_role("link", name="3 h 00 m").click()
    await expect(rows.first).to_contain_text("mail.late")


async def test_the_dead_of_a_queue_are_where_they_can_be_redriven(site: Site, open_page: Opener) -> None:
    await site.bury(await site.enqueue("mail.send", queue="mail"))
    await site.bury(await site.enqueue("report.build", queue="reports"))
    page = await open_page()
    row = page.get_by_role("region", name="Queues").locator("tbody tr", has_text="mail")
    await row.get_by_role("link", name="1", exact=True).click()
    await expect(page.get_by_role("heading", name="Dead letters")).to_be_visible()
    await expect(page.locator("tbody tr")).to_have_count(1)
    await expect(page.locator("tbody tr")).to_contain_text("mail.send")
