"""Whoever uses the keyboard stays where they are: the focus is kept, and what is shown is what is told."""

from __future__ import annotations

import re

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


async def test_the_refresh_switch_is_named_by_what_it_shows(open_page: Opener) -> None:
    page = await open_page()
    await page.get_by_role("button", name="Refreshing", exact=True).press("Space")
    await expect(page.get_by_role("button", name="Not refreshing", exact=True)).to_be_focused()
    await page.keyboard.press("Space")
    await expect(page.get_by_role("button", name="Refreshing", exact=True)).to_be_focused()


async def test_a_priority_is_set_once_however_many_keys_chose_it(site: Site, open_page: Opener) -> None:
    task_id = await site.enqueue()
    page = await open_page(f"tasks/{task_id}")
    sent: list[str | None] = []
    page.on("request", lambda request: sent.append(request.post_data) if request.method == "PATCH" else None)
    choice, act = page.get_by_role("combobox", name="Priority"), page.get_by_role("button", name="Set priority")

    await expect(act).to_be_disabled()
    await choice.focus()
    await page.keyboard.press("ArrowUp")
    await page.keyboard.press("ArrowUp")
    await expect(choice).to_have_value("critical")
    await act.press("Enter")
    await expect(page.get_by_role("status")).to_contain_text("The task’s priority is critical.")
    await expect(act).to_be_disabled()
    await expect(act).to_be_focused()
    assert sent == ['{"priority":"critical"}']


async def test_a_question_tells_its_consequences(site: Site, open_page: Opener) -> None:
    await site.enqueue(queue="mail")
    page = await open_page()
    await page.get_by_role("button", name="Pause queue mail").click()
    await expect(page.get_by_role("dialog")).to_have_accessible_description(re.compile("No further task of it"))


async def test_an_act_that_is_done_leaves_the_focus_on_the_page(site: Site, open_page: Opener) -> None:
    task_id = await site.enqueue("mail.send")
    page = await open_page(f"tasks/{task_id}")
    for act, status in (("Cancel", "cancelled"), ("Redrive", "ready")):
        await page.get_by_role("button", name=act).press("Enter")
        await page.get_by_role("button", name=f"{act} the task").press("Enter")
        await expect(page.locator(".task-line")).to_contain_text(status)
        await expect(page.get_by_role("heading", name="mail.send")).to_be_focused()

    await site.bury(task_id)
    await page.goto(f"{site.address}/#/dead-letters")
    await page.get_by_label("Choose mail.send").check()
    await page.get_by_role("button", name="Redrive 1").press("Enter")
    await page.get_by_role("dialog").get_by_role("button", name="Redrive 1").press("Enter")
    await expect(page.get_by_text("No dead letters.")).to_be_visible()
    await expect(page.get_by_role("button", name="Redrive chosen")).to_be_focused()
    await expect(page.get_by_role("button", name="Redrive chosen")).to_be_disabled()
