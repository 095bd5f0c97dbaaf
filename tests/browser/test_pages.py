"""Lists longer than a page: the way on and back, also after acts, under other filters, and by the browser's ways."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Page, Route, expect
from tests.browser.conftest import Opener, Site

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

FAR = 900  # pixels down


async def scrolled(page: Page) -> int:
    return int(await page.evaluate("scrollY"))


async def scrolls_to(page: Page, top: int) -> None:
    await page.wait_for_function("top => Math.abs(scrollY - top) < 2", arg=top)


async def test_a_page_that_has_been_emptied_keeps_its_way_back(site: Site, open_page: Opener) -> None:
    for number in range(51):
        await site.bury(await site.enqueue(f"mail.send{number}", queue="mail"))
    page = await open_page("dead-letters?queue=mail")
    rows = page.locator("tbody tr")
    await page.get_by_role("button", name="Older").click()
    await expect(rows).to_have_count(1)

    await rows.get_by_role("checkbox").check()
    await page.get_by_role("button", name="Redrive 1").click()
    await page.get_by_role("dialog").get_by_role("button", name="Redrive 1").click()
    await expect(page.get_by_text("Nothing is left on this page.")).to_be_visible()
    await expect(page.get_by_role("button", name="Redrive all")).to_be_enabled()
    await page.get_by_role("button", name="Newer").click()
    await expect(rows).to_have_count(50)
    await expect(page.get_by_text("No dead letters.")).to_have_count(0)


async def test_what_another_filter_found_is_not_shown_for_this_one(site: Site, open_page: Opener) -> None:
    await site.enqueue("mail.send")
    page = await open_page("tasks")
    rows = page.locator("tbody tr")
    await expect(rows).to_have_count(1)
    asked, failing = asyncio.Event(), asyncio.Event()

    async def slow(route: Route) -> None:
        asked.set()
        await failing.wait()
        await route.abort()

    await page.route("**/v1/tasks?*status=dead*", slow)
    await page.get_by_role("link", name="dead", exact=True).click()
    await asked.wait()
    await expect(rows).to_have_count(0)
    await expect(page.get_by_role("status", name="Loading")).to_be_visible()
    failing.set()
    await expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
    await expect(rows).to_have_count(0)

    await page.get_by_role("link", name="ready", exact=True).click()
    await expect(rows).to_have_count(1)
    await page.get_by_label("queue").fill("no queue!")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("no queue!")
    await expect(rows).to_have_count(0)


async def test_back_and_a_reload_return_to_the_page_and_the_row(site: Site, open_page: Opener) -> None:
    for number in range(101):
        await site.enqueue(f"mail.send{number:03}")
    page = await open_page("tasks")
    older, first = page.get_by_role("button", name="Older"), page.locator("tbody tr").first
    await older.click()
    await expect(first).to_contain_text("mail.send050")
    assert await scrolled(page) < FAR  # the page is read from its start
    await page.evaluate("top => scrollTo(0, top)", FAR)
    await page.get_by_role("link", name="mail.send028").click()
    await expect(page.get_by_label("Payload")).to_be_visible()
    await scrolls_to(page, 0)

    await page.go_back()
    await expect(page.get_by_text("Page 2")).to_be_visible()
    await expect(first).to_contain_text("mail.send050")
    await scrolls_to(page, FAR)
    await page.reload()
    await expect(first).to_contain_text("mail.send050")
    await scrolls_to(page, FAR)

    await older.click()
    await expect(first).to_contain_text("mail.send000")
    await page.go_back()
    await expect(first).to_contain_text("mail.send050")
    await page.go_back()
    await expect(first).to_contain_text("mail.send100")
    await page.go_forward()
    await expect(page.get_by_text("Page 2")).to_be_visible()
    await page.get_by_role("link", name="all", exact=True).click()
    await expect(first).to_contain_text("mail.send100")


async def test_turning_pages_keeps_the_focus(site: Site, open_page: Opener) -> None:
    for _ in range(101):
        await site.enqueue()
    page = await open_page("tasks")
    older = page.get_by_role("button", name="Older")
    await older.focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Page 2")).to_be_visible()
    await expect(page.locator("tbody tr")).to_have_count(50)
    await expect(older).to_be_focused()

    newer, loading = page.get_by_role("button", name="Newer"), page.locator(".loading")
    await newer.press("Enter")
    await expect(page.get_by_text("Page 1")).to_be_visible()
    await expect(loading).to_have_count(0)
    await expect(newer).to_be_focused()
    await newer.press("Enter")  # there is nothing before the first page
    for number in (2, 3):
        await older.press("Enter")
        await expect(page.get_by_text(f"Page {number}")).to_be_visible()
        await expect(loading).to_have_count(0)
    await expect(older).to_be_disabled()
    await expect(older).to_be_focused()

    await site.sql("DELETE FROM rowlock.tasks")
    await page.get_by_role("button", name="To the first page").press("Enter")
    await expect(page.get_by_text("There are no tasks yet.")).to_be_visible()
    await expect(page.get_by_role("heading", name="Tasks")).to_be_focused()
