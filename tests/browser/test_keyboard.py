"""Whoever uses the keyboard stays where they are: the focus is kept, and a toggle keeps its name."""

from __future__ import annotations

import pytest
from playwright.async_api import expect
from tests.browser.conftest import Opener, Site

from rowlock.domain.schedule_requests import schedule_request
from rowlock.engine.operate import Actor
from rowlock.engine.schedules import create_schedule

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_a_filter_keeps_the_focus_and_follows_the_address(site: Site, open_page: Opener) -> None:
    await site.enqueue(queue="mail")
    page = await open_page("tasks")
    queue = page.get_by_label("queue")

    await queue.fill("no-such-queue")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("No task matches.")).to_be_visible()
    await expect(queue).to_be_focused()

    await page.get_by_role("link", name="Show all tasks").click()
    await expect(queue).to_have_value("")
    await page.go_back()
    await expect(queue).to_have_value("no-such-queue")


async def test_a_schedule_is_paused_and_resumed_without_losing_the_focus(site: Site, open_page: Opener) -> None:
    request = schedule_request(name="nightly", task_name="report.build", cron="0 3 * * *")
    await create_schedule(site.database, "default", request, actor=Actor("somebody"))
    page = await open_page("schedules")

    await page.get_by_role("button", name="Pause nightly").focus()
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Pause it").press("Enter")
    await expect(page.get_by_role("button", name="Resume nightly")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Pause nightly")).to_be_focused()


async def test_the_refresh_switch_keeps_its_name(open_page: Opener) -> None:
    page = await open_page()
    await page.get_by_role("button", name="Refresh by itself", pressed=True).press("Space")
    await expect(page.get_by_role("button", name="Refresh by itself", pressed=False)).to_have_text("Paused")
