"""What an operator does on the page reaches the database, and only after a yes where it matters."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Route, expect
from tests.browser.conftest import Opener, Site

from rowlock.domain.schedule_requests import schedule_request
from rowlock.engine.operate import Actor
from rowlock.engine.schedules import create_schedule

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

PAUSED = "SELECT paused_at IS NOT NULL FROM rowlock.queues WHERE name = 'mail'"
SOMEBODY = Actor("somebody")
STATUSES = "SELECT status::text, count(*) FROM rowlock.tasks GROUP BY 1 ORDER BY 1"


async def test_a_queue_is_paused_after_a_yes_and_resumed(site: Site, open_page: Opener) -> None:
    await site.enqueue(queue="mail")
    page = await open_page()
    pause = page.get_by_role("button", name="Pause queue mail")

    await pause.click()
    await expect(page.get_by_role("button", name="Keep as it is")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_be_hidden()
    assert await site.sql(PAUSED) == []

    await pause.click()
    await page.get_by_role("button", name="Pause the queue").click()
    await expect(page.get_by_role("status")).to_contain_text("Queue mail is paused.")
    assert await site.sql(PAUSED) == [(True,)]
    [(by,)] = await site.sql("SELECT paused_by FROM rowlock.queues")
    row = page.get_by_role("region", name="Queues").locator("tbody tr")
    await expect(row).to_contain_text(re.compile(rf"paused\s+(now|\d+ s ago) by {re.escape(by)}"))

    await page.get_by_role("button", name="Resume queue mail").click()
    await expect(pause).to_be_visible()
    assert await site.sql(PAUSED) == [(False,)]


async def test_a_dead_letter_is_read_and_redriven(site: Site, open_page: Opener) -> None:
    task_id = await site.enqueue()
    await site.bury(task_id, traceback="Traceback (most recent call last): mail.py")
    page = await open_page(f"tasks/{task_id}")

    await page.get_by_text("Traceback", exact=True).click()
    await expect(page.get_by_text("mail.py")).to_be_visible()
    await page.get_by_role("button", name="Redrive").click()
    await page.get_by_role("button", name="Redrive the task").click()
    await expect(page.locator(".task-line")).to_contain_text("ready")
    assert await site.sql(STATUSES) == [("pending", 1)]


async def test_the_chosen_dead_letters_are_redriven_and_then_all(site: Site, open_page: Opener) -> None:
    buried = [await site.enqueue(f"mail.send{number}") for number in range(3)]
    for task_id in buried:
        await site.bury(task_id)
    page = await open_page("dead-letters")

    await page.get_by_label("Choose mail.send0").check()
    await page.get_by_label("Choose mail.send2").check()
    await page.get_by_role("button", name="Redrive 2").click()
    await page.get_by_role("dialog").get_by_role("button", name="Redrive 2").click()
    await expect(page.get_by_role("status")).to_contain_text("2 tasks are back at work.")
    await expect(page.locator("tbody tr")).to_have_count(1)
    assert await site.sql(STATUSES) == [("dead", 1), ("pending", 2)]

    await page.get_by_role("button", name="Redrive all").click()
    await page.get_by_role("dialog").get_by_role("button", name="Redrive all").click()
    await expect(page.get_by_text("No dead letters.")).to_be_visible()
    assert await site.sql(STATUSES) == [("pending", 3)]


async def test_a_schedule_is_paused_resumed_and_triggered(site: Site, open_page: Opener) -> None:
    request = schedule_request(name="nightly", task_name="report.build", cron="0 3 * * *")
    await create_schedule(site.database, "default", request, actor=SOMEBODY)
    page = await open_page("schedules")

    await page.get_by_role("button", name="Pause nightly").click()
    await page.get_by_role("button", name="Pause it").click()
    await page.get_by_role("button", name="Resume nightly").click()
    await expect(page.get_by_role("button", name="Pause nightly")).to_be_visible()

    await page.get_by_role("link", name="nightly").click()
    await expect(page.get_by_text("Next windows")).to_be_visible()
    await page.get_by_role("button", name="Trigger nightly").click()
    await page.get_by_role("button", name="Trigger it").click()
    await expect(page.get_by_role("status")).to_contain_text("nightly was triggered.")
    assert await site.sql("SELECT name FROM rowlock.tasks") == [("report.build",)]


async def test_a_cancellation_says_what_became_of_the_task(site: Site, open_page: Opener) -> None:
    task_id = await site.enqueue()
    page = await open_page(f"tasks/{task_id}")
    await page.get_by_role("button", name="Cancel").click()
    await expect(page.get_by_role("dialog")).to_contain_text("If it still waits, it will not run.")
    await site.sql(
        """
        UPDATE rowlock.tasks_live SET status = 'running', attempt = 1, worker_id = 7, lease_token = 1,
               started_at = rowlock.clock(), visible_at = rowlock.clock() + interval '1 hour'
        """
    )
    await page.get_by_role("button", name="Cancel the task").click()
    await expect(page.get_by_role("status")).to_contain_text("The worker was asked to stop the task.")


async def test_a_question_names_its_task_and_does_not_outlive_its_page(site: Site, open_page: Opener) -> None:
    first, second = await site.enqueue("mail.send"), await site.enqueue("report.build")
    page = await open_page(f"tasks/{first}")
    await page.evaluate("id => { location.hash = `#/tasks/${id}`; }", str(second))
    await page.get_by_role("button", name="Cancel").click()
    await expect(page.get_by_role("dialog", name=f"Cancel report.build …{str(second)[-8:]}?")).to_be_visible()

    await page.go_back()
    await expect(page.get_by_role("heading", name="mail.send")).to_be_visible()
    await expect(page.get_by_role("dialog")).to_be_hidden()
    assert await site.sql(STATUSES) == [("pending", 2)]

    await site.bury(first)
    await page.reload()
    await page.get_by_role("button", name="Redrive").click()
    await expect(page.get_by_role("dialog", name=f"Redrive mail.send …{str(first)[-8:]}?")).to_be_visible()


async def lose_the_answer(route: Route) -> None:
    await route.fetch()
    await route.abort()


async def test_an_act_without_an_answer_is_not_said_to_have_failed(site: Site, open_page: Opener) -> None:
    await site.enqueue(queue="mail")
    page = await open_page()
    await page.route("**/v1/queues/mail/pause", lose_the_answer)
    await page.get_by_role("button", name="Pause queue mail").click()
    await page.get_by_role("button", name="Pause the queue").click()
    await expect(page.get_by_role("status")).to_contain_text("No answer came, so it may have been done.")
    await expect(page.get_by_role("button", name="Resume queue mail")).to_be_visible()


@pytest.mark.parametrize(
    ("losses", "told"), [(1, "nightly was triggered."), (2, "No answer came, so it may have been done.")]
)
async def test_a_press_triggers_once_whatever_is_lost(site: Site, open_page: Opener, losses: int, told: str) -> None:
    request = schedule_request(name="nightly", task_name="report.build", cron="0 3 * * *")
    await create_schedule(site.database, "default", request, actor=SOMEBODY)
    page = await open_page("schedules")
    await page.route("**/v1/schedules/nightly/trigger", lose_the_answer, times=losses)
    for count in (1, 2):
        await page.get_by_role("button", name="Trigger nightly").click()
        await page.get_by_role("button", name="Trigger it").click()
        await expect(page.get_by_role("status")).to_contain_text(told if count == 1 else "nightly was triggered.")
        assert await site.sql(STATUSES) == [("pending", count)]
        await page.get_by_role("button", name="Dismiss").click()
    assert await site.sql("SELECT DISTINCT substr(id::text, 15, 1) FROM rowlock.tasks") == [("7",)]
