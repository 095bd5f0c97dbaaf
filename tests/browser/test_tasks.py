"""Tasks on the page: lists, one task, and payloads that would like to be more than text."""

from __future__ import annotations

import pytest
from playwright.async_api import expect
from tests.browser.conftest import Opener, Site

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

HOSTILE = """<img src=x onerror="document.title='taken'"><script>document.title='taken'</script>"""


async def test_tasks_are_listed_filtered_and_paged(site: Site, open_page: Opener) -> None:
    for number in range(51):
        await site.enqueue("report.build", payload={"number": number})
    await site.enqueue("mail.send", queue="mail", tags=["welcome"], delay=600)
    page = await open_page("tasks")
    rows = page.locator("tbody tr")

    await expect(rows).to_have_count(50)
    await expect(rows.first).to_contain_text("mail.send")
    await page.get_by_role("button", name="Older").click()
    await expect(rows).to_have_count(2)

    await page.get_by_role("link", name="scheduled", exact=True).click()
    await expect(rows).to_have_count(1)
    await page.get_by_label("tag").fill("no such tag")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("No task matches.")).to_be_visible()
    await page.get_by_role("link", name="Show all tasks").click()
    await expect(rows).to_have_count(50)


async def test_a_task_is_opened_by_its_id(site: Site, open_page: Opener) -> None:
    task_id = await site.enqueue("mail.send")
    page = await open_page("tasks?status=dead")
    await page.get_by_label("id", exact=True).fill(f" {task_id} ")
    await page.keyboard.press("Enter")
    await expect(page.locator(".task-id")).to_have_text(str(task_id))
    await page.go_back()
    await expect(page).to_have_url(f"{site.address}/#/tasks?status=dead")


async def test_the_tasks_that_failed_say_why(site: Site, open_page: Opener) -> None:
    await site.bury(await site.enqueue("mail.send"), error="SMTPException: refused")
    page = await open_page("tasks")
    row = page.locator("tbody tr")
    await expect(row).to_contain_text("mail.send")
    await expect(row).not_to_contain_text("SMTPException")
    await page.get_by_role("link", name="dead", exact=True).click()
    await expect(row).to_contain_text("SMTPException: refused")


async def test_a_task_shows_why_it_waits_and_takes_another_priority(site: Site, open_page: Opener) -> None:
    task_id = await site.enqueue("mail.send", payload={"to": 9007199254740993})
    page = await open_page(f"tasks/{task_id}")

    await expect(page.get_by_text("no_worker")).to_be_visible()
    await expect(page.get_by_label("Payload")).to_contain_text("9007199254740993")
    await page.get_by_label("Priority").select_option("critical")
    await page.get_by_role("button", name="Set priority").click()
    await expect(page.get_by_role("status")).to_contain_text("critical")
    assert await site.sql("SELECT priority FROM rowlock.tasks") == [(0,)]

    await page.get_by_role("button", name="Cancel").click()
    await page.get_by_role("button", name="Cancel the task").click()
    await expect(page.locator(".task-line")).to_contain_text("cancelled")


async def test_what_is_hostile_stays_text(site: Site, open_page: Opener) -> None:
    task_id = await site.enqueue(payload={HOSTILE: HOSTILE}, tags=[HOSTILE], queue="mail")
    await site.bury(task_id, error=HOSTILE, traceback=HOSTILE)
    page = await open_page("dead-letters")
    await expect(page.get_by_text(HOSTILE)).to_be_visible()

    await page.goto(f"{site.address}/#/tasks/{task_id}")
    await page.get_by_text("Traceback", exact=True).click()
    await expect(page.locator(".attempt pre")).to_have_text(HOSTILE)
    await expect(page.locator(".attempt-error")).to_have_text(HOSTILE)
    await expect(page.locator(".facts .tag")).to_have_text(HOSTILE)
    await expect(page.get_by_label("Payload")).to_contain_text("onerror")
    assert await page.locator("main img, main script").count() == 0
    assert await page.title() == "mail.send · rowlock"


async def test_a_task_shows_its_steps_and_what_they_returned(site: Site, open_page: Opener) -> None:
    task_id = await site.enqueue("order.fulfil")
    page = await open_page(f"tasks/{task_id}")
    await expect(page.get_by_label("Payload")).to_be_visible()
    await expect(page.get_by_role("heading", name="Steps")).to_have_count(0)
    await site.sql(
        "INSERT INTO rowlock.steps (task_id, recorded_at, lease_token, filed_on, run_seconds, occurrence, attempt,"
        " tenant_id, name, result) SELECT %(id)s, now() + make_interval(secs => n), 1, rowlock.step_day(), 0.25, n, 1,"
        " 'default', 'charge', CASE n WHEN 21 THEN to_jsonb(repeat(%(hostile)s, 3)) ELSE to_jsonb(n) END"
        " FROM generate_series(1, 21) AS n",
        id=task_id,
        hostile=HOSTILE,
    )
    rows = page.get_by_role("region", name="Steps").locator("tbody tr")
    await expect(rows).to_have_count(20)
    await expect(rows.first).to_contain_text("charge#21")
    await rows.first.locator("summary").click()
    await expect(page.get_by_label("Result of charge#21").locator("pre")).to_contain_text("taken")
    assert await page.locator("main img, main script").count() == 0
    await page.get_by_role("button", name="Older").click()
    await expect(rows).to_have_count(1)
    await expect(rows.first).to_contain_text("250 ms")


async def test_the_latest_attempts_are_shown_and_all_when_asked_for(site: Site, open_page: Opener) -> None:
    task_id = await site.enqueue()
    await site.sql(
        "INSERT INTO rowlock.executions (task_id, started_at, finished_at, lease_token, finished_on, worker_id,"
        " outcome, run_seconds, attempt, tenant_id, queue, name) SELECT %(id)s, now(), now(), n,"
        " rowlock.execution_day(), 7, 'failed', 0.5, n, 'default', 'default', 'mail.send'"
        " FROM generate_series(1, 7) AS n",
        id=task_id,
    )
    page = await open_page(f"tasks/{task_id}")
    await expect(page.locator(".attempt")).to_have_count(5)
    await page.get_by_role("button", name="Show all 7 attempts").click()
    await expect(page.locator(".attempt")).to_have_count(7)


async def test_a_task_that_is_not_there_is_said_to_be_so(open_page: Opener) -> None:
    missing = "0192f0c1-0000-7000-8000-000000000000"
    page = await open_page(f"tasks/{missing}")

    await expect(page.get_by_role("alert")).to_contain_text(f"There is no task {missing}.")
