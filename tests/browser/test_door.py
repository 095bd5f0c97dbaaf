"""The door: how a key comes in, where it stays, and what a bad one is told."""

from __future__ import annotations

import pytest
from playwright.async_api import expect
from tests.browser.conftest import Opener, Site

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_a_pasted_key_opens_the_page_until_one_signs_out(site: Site, new_page: Opener) -> None:
    page = await new_page()
    await page.goto(site.address)
    await page.get_by_label("API key").fill(await site.key())
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Overview")).to_be_visible()

    await page.reload()
    await expect(page.get_by_role("heading", name="Overview")).to_be_visible()

    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_label("API key")).to_be_focused()
    await page.reload()
    await expect(page.get_by_label("API key")).to_be_visible()


async def test_a_key_in_the_address_is_taken_out_of_it_at_once(site: Site, new_page: Opener) -> None:
    page = await new_page()
    key = await site.key()
    await page.goto(f"{site.address}/#key={key}")
    await expect(page.get_by_role("heading", name="Overview")).to_be_visible()

    assert page.url == f"{site.address}/#/"
    await page.get_by_role("link", name="Tasks").click()
    await page.go_back()
    await expect(page).to_have_url(f"{site.address}/#/")
    assert key not in await page.content()


async def test_a_wrong_key_is_refused_in_words(site: Site, new_page: Opener) -> None:
    page = await new_page()
    await page.goto(f"{site.address}/#key=rlk_abc_def")

    await expect(page.get_by_role("alert")).to_contain_text("key")
    await expect(page.get_by_label("API key")).to_be_visible()


@pytest.mark.parametrize("pasted", ["rlk_8b6a…9quv", "rlk_8b6a 9quv"])
async def test_what_cannot_be_a_key_is_not_taken_for_one(site: Site, new_page: Opener, pasted: str) -> None:
    page = await new_page()
    await page.goto(site.address)
    await page.get_by_label("API key").fill(pasted)
    await page.keyboard.press("Enter")

    await expect(page.get_by_role("alert")).to_contain_text("This is not an API key")
    await expect(page.get_by_label("API key")).to_be_focused()


async def test_a_key_that_may_only_read_is_offered_nothing_else(site: Site, open_page: Opener) -> None:
    task_id = await site.enqueue(queue="mail")
    await site.bury(await site.enqueue("report.build"))
    page = await open_page(scope="read")
    acts = page.get_by_role("main").get_by_role("button")

    await expect(page.get_by_text("read only")).to_be_visible()
    await expect(page.get_by_role("link", name="mail", exact=True)).to_be_visible()
    await expect(acts).to_have_count(0)
    await expect(page.get_by_role("heading", name="Workers")).to_have_count(0)

    await page.goto(f"{site.address}/#/tasks/{task_id}")
    await expect(page.get_by_label("Payload")).to_be_visible()
    await expect(acts.filter(has_not_text="Copy")).to_have_count(0)
    await expect(page.get_by_role("combobox")).to_have_count(0)
    await page.goto(f"{site.address}/#/dead-letters")
    await expect(page.get_by_role("link", name="report.build")).to_be_visible()
    await expect(page.locator("main button:visible, main input[type=checkbox]")).to_have_count(1)  # to filter


@pytest.mark.parametrize("scope", ["write", "admin"])
async def test_a_key_that_may_act_is_offered_to(site: Site, open_page: Opener, scope: str) -> None:
    await site.enqueue(queue="mail")
    page = await open_page(scope=scope)
    await expect(page.locator(".tenant")).to_be_visible()
    await expect(page.get_by_role("button", name="Pause queue mail")).to_be_visible()
    await expect(page.get_by_text("read only")).to_have_count(0)
