"""Every exact time says its zone, and a page tells all of them on the reader's clocks."""

from __future__ import annotations

import re

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect
from tests.browser.conftest import Opener, Site

from rowlock.domain.schedule_requests import schedule_request
from rowlock.engine.operate import Actor
from rowlock.engine.schedules import create_schedule

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(loop_scope="session")
async def page_in_kolkata(open_page: Opener) -> Page:
    page = await open_page()
    driver = await page.context.new_cdp_session(page)
    await driver.send("Emulation.setTimezoneOverride", {"timezoneId": "Asia/Kolkata"})
    await page.reload()
    return page


async def test_a_task_tells_its_times_in_one_zone(site: Site, page_in_kolkata: Page) -> None:
    task_id = await site.enqueue(delay=3600)
    await page_in_kolkata.goto(f"{site.address}/#/tasks/{task_id}")

    runs_at = page_in_kolkata.locator(".facts > div", has_text="Runs at").locator("time").first
    await expect(runs_at).to_contain_text("GMT+5:30")
    reason = page_in_kolkata.locator(".reasons time")
    await expect(reason).to_have_text(await runs_at.inner_text())
    await expect(page_in_kolkata.locator(".reasons")).to_contain_text(
        re.compile(r"The task starts at [A-Z][a-z]{2} .* GMT\+5:30, in 0\d:")
    )
    [(visible_at,)] = await site.sql("SELECT visible_at::text FROM rowlock.tasks")
    await expect(page_in_kolkata.locator(".reasons")).not_to_contain_text(visible_at)


async def test_windows_are_told_on_the_clocks_of_their_schedule_too(site: Site, page_in_kolkata: Page) -> None:
    request = schedule_request(name="nightly", task_name="report.build", cron="0 3 * * *", timezone="Europe/Berlin")
    await create_schedule(site.database, "default", request, actor=Actor("somebody"))
    await page_in_kolkata.goto(f"{site.address}/#/schedules/nightly")

    windows = page_in_kolkata.locator(".facts > div", has_text="Next windows").locator("dd > div").first
    await expect(windows).to_contain_text(re.compile(r"0[67]:30:00\sAM GMT\+5:30"))
    await expect(windows).to_contain_text(re.compile(r"03:00:00\sAM GMT\+[12]"))
    spilled = await page_in_kolkata.locator(".facts").evaluate("facts => facts.scrollWidth - facts.clientWidth")
    assert spilled == 0
