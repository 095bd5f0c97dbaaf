"""The page keeps itself fresh: by itself, but not behind the reader's back. The browser's clock is the test's."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect
from tests.browser.conftest import Opener, Site

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

A_WHILE = 5_000
LONG = 60_000

HIDE = """hidden => {
    Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
}"""


async def under_our_clock(page: Page) -> Page:
    await page.clock.install()
    await page.reload()
    await page.get_by_role("heading").first.wait_for()
    return page


def requests_of(page: Page) -> list[str]:
    """Grows with what the page asks the server for."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    return asked


async def test_a_new_task_appears_by_itself(site: Site, open_page: Opener) -> None:
    page = await under_our_clock(await open_page("tasks"))
    await expect(page.get_by_text("There are no tasks yet.")).to_be_visible()

    await site.enqueue()
    await page.clock.run_for(A_WHILE)
    await expect(page.locator("tbody tr")).to_have_count(1)


async def test_a_paused_page_asks_for_nothing(open_page: Opener) -> None:
    page = await under_our_clock(await open_page("tasks"))
    switch = page.get_by_role("button", name="Refreshing")
    await switch.click()
    switch = page.get_by_role("button", name="Not refreshing")
    await page.wait_for_load_state("networkidle")

    asked = requests_of(page)
    await page.clock.run_for(LONG)
    assert asked == []
    async with page.expect_response("**/v1/tasks*"):
        await switch.click()


async def test_a_hidden_page_asks_for_nothing_until_it_is_seen_again(open_page: Opener) -> None:
    page = await under_our_clock(await open_page("tasks"))
    await page.wait_for_load_state("networkidle")
    await page.evaluate(HIDE, True)
    await page.clock.run_for(A_WHILE)  # what was planned before may still happen
    await page.wait_for_load_state("networkidle")

    asked = requests_of(page)
    await page.clock.run_for(LONG)
    assert asked == []
    async with page.expect_response("**/v1/tasks*"):
        await page.evaluate(HIDE, False)


async def test_progress_is_followed(site: Site, open_page: Opener) -> None:
    task_id = await site.enqueue("archive.tree")
    await site.sql(
        """
        UPDATE rowlock.tasks_live SET status = 'running', attempt = 1, worker_id = 7, lease_token = 1,
               started_at = rowlock.clock(), visible_at = rowlock.clock() + interval '1 hour',
               progress = '{"done": 30, "total": 120, "message": "lib/ast.py"}'
        """
    )
    page = await under_our_clock(await open_page(f"tasks/{task_id}"))
    bar = page.get_by_role("progressbar", name="Progress")
    await expect(bar).to_have_attribute("aria-valuenow", "30")
    await expect(page.get_by_text("lib/ast.py")).to_be_visible()

    await site.sql("""UPDATE rowlock.tasks_live SET progress = '{"done": 90, "total": 120}'""")
    await page.clock.run_for(A_WHILE)
    await expect(bar).to_have_attribute("aria-valuenow", "90")


async def test_attempts_are_asked_for_when_the_task_has_changed(site: Site, open_page: Opener) -> None:
    task_id = await site.enqueue()
    page = await under_our_clock(await open_page(f"tasks/{task_id}"))
    await expect(page.get_by_text("No attempt has ended yet.")).to_be_visible()

    asked = requests_of(page)
    async with page.expect_response(f"**/v1/tasks/{task_id}"):
        await page.clock.run_for(A_WHILE)
    assert not [url for url in asked if "executions" in url]

    await site.bury(task_id, error="SMTPException: refused")
    await page.clock.run_for(A_WHILE)
    await expect(page.locator(".attempt-error")).to_have_text("SMTPException: refused")
    assert [url for url in asked if "executions" in url] == [f"{site.address}/v1/tasks/{task_id}/executions?limit=5"]


async def test_a_finished_task_is_asked_for_seldom(site: Site, open_page: Opener) -> None:
    task_id = await site.enqueue()
    await site.bury(task_id)
    page = await under_our_clock(await open_page(f"tasks/{task_id}"))
    await expect(page.locator(".task-line")).to_contain_text("dead")
    await page.wait_for_load_state("networkidle")

    asked = requests_of(page)
    await page.clock.run_for(A_WHILE)
    await page.wait_for_load_state("networkidle")
    assert f"{site.address}/v1/tasks/{task_id}" not in asked
    async with page.expect_response(f"**/v1/tasks/{task_id}"):
        await page.clock.run_for(2 * A_WHILE)


async def test_a_server_that_is_away_is_said_to_be_and_found_again(site: Site, open_page: Opener) -> None:
    await site.enqueue()
    page = await under_our_clock(await open_page("tasks"))
    await expect(page.locator("tbody tr")).to_have_count(1)

    await page.route("**/v1/**", lambda route: route.abort())
    await page.clock.run_for(A_WHILE)
    await expect(page.get_by_role("alert")).to_contain_text("What you see may be out of date.")
    await expect(page.locator("tbody tr")).to_have_count(1)

    await page.unroute("**/v1/**")
    await page.clock.run_for(2 * A_WHILE)
    await expect(page.get_by_role("alert")).to_have_count(0)


async def test_what_is_asked_for_once_is_asked_for_until_it_is_answered(open_page: Opener) -> None:
    page = await open_page()
    await page.route("**/v1/keys/present", lambda route: route.abort())
    await under_our_clock(page)
    await page.wait_for_load_state("networkidle")
    await expect(page.locator(".tenant")).to_have_count(0)

    await page.unroute("**/v1/keys/present")
    await page.clock.run_for(2 * A_WHILE)
    await expect(page.locator(".tenant")).to_have_text("default")
    await page.wait_for_load_state("networkidle")
    asked = requests_of(page)
    await page.clock.run_for(LONG)
    assert not [url for url in asked if "keys/present" in url]
