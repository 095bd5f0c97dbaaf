"""A change of key begins anew: nothing that was asked, told or shown under one key is there under the next."""

from __future__ import annotations

import asyncio

import pytest
import pytest_asyncio
from playwright.async_api import Page, Route, expect
from tests.browser.conftest import Opener, Site

from rowlock.domain.requests import task_request
from rowlock.engine.access import create_key, revoke_key
from rowlock.engine.enqueue import enqueue
from rowlock.engine.operate import Actor

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SOMEBODY = Actor("somebody")


@pytest_asyncio.fixture(loop_scope="session")
async def other_key(site: Site) -> str:
    """A key of another tenant, which has a queue of the same name."""
    await enqueue(site.database, "other", task_request("other.task", queue="mail"))
    return (await create_key(site.database, "other", "bob", ["admin"], SOMEBODY)).key


async def take(page: Page, key: str) -> None:
    await page.evaluate("key => { location.hash = `key=${key}`; }", key)


async def test_a_question_is_taken_back_with_its_key(site: Site, open_page: Opener, other_key: str) -> None:
    await site.enqueue(queue="mail")
    page = await open_page()
    await page.get_by_role("button", name="Pause queue mail").click()
    await expect(page.get_by_role("dialog")).to_be_visible()

    [(key_id,)] = await site.sql("SELECT id FROM rowlock.api_keys WHERE tenant_id = 'default'")
    await revoke_key(site.database, "default", key_id, SOMEBODY)
    await page.get_by_label("API key").fill(other_key)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Pause queue mail")).to_be_visible()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    assert await site.sql("SELECT name FROM rowlock.queues WHERE paused_at IS NOT NULL") == []


async def test_notices_go_with_the_key(site: Site, open_page: Opener, other_key: str) -> None:
    await site.enqueue(queue="mail")
    page = await open_page()
    await page.route("**/v1/queues/mail/pause", lambda route: route.abort())
    await page.get_by_role("button", name="Pause queue mail").click()
    await page.get_by_role("button", name="Pause the queue").click()
    await expect(page.locator(".notice")).to_contain_text("No answer came")

    await page.get_by_role("button", name="Sign out").click()
    await page.get_by_label("API key").fill(other_key)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    await expect(page.locator(".notice")).to_have_count(0)


async def test_figures_of_the_last_key_are_gone_at_once(site: Site, open_page: Opener, other_key: str) -> None:
    await site.enqueue(queue="reports")
    page = await open_page()
    await expect(page.get_by_role("link", name="reports")).to_be_visible()

    answering = asyncio.Event()

    async def later(route: Route) -> None:
        await answering.wait()
        await route.continue_()

    await page.route("**/v1/queues", later)
    await take(page, other_key)
    await expect(page.get_by_role("link", name="reports")).to_have_count(0)
    answering.set()
    await expect(page.get_by_role("link", name="mail", exact=True)).to_be_visible()


async def test_an_answer_to_the_last_key_is_not_heard(site: Site, open_page: Opener, other_key: str) -> None:
    await site.enqueue(queue="mail")
    page = await open_page()
    asked, answering = asyncio.Event(), asyncio.Event()

    async def later(route: Route) -> None:
        asked.set()
        await answering.wait()
        await route.fulfill(status=401, json={"title": "Unauthenticated", "detail": "The old key is revoked."})

    await page.route("**/v1/queues/mail/pause", later)
    await page.get_by_role("button", name="Pause queue mail").click()
    await page.get_by_role("button", name="Pause the queue").click()
    await asked.wait()
    await take(page, other_key)
    await expect(page.get_by_role("dialog")).to_have_count(0)

    async with page.expect_response("**/v1/queues/mail/pause") as answered:
        answering.set()
    await (await answered.value).finished()
    async with page.expect_response("**/v1/queues"):  # asked for after that
        pass
    await expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    await expect(page.locator(".notice")).to_have_count(0)


async def test_the_bar_names_the_tenant_of_the_key(site: Site, open_page: Opener, other_key: str) -> None:
    page = await open_page(scope="read")
    await expect(page.locator(".tenant")).to_have_text("default")
    await take(page, other_key)
    await expect(page.locator(".tenant")).to_have_text("other")
    await expect(page.locator(".tenant")).to_have_attribute("title", "Tenant other, by the key bob")
