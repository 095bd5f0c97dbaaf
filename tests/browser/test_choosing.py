"""The dead letters that were chosen stay so until they are back at work, whatever happens in between."""

from __future__ import annotations

import pytest
from playwright.async_api import expect
from tests.browser.conftest import Opener, Site

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

WIDE, NARROW = 1280, 390


async def test_a_no_keeps_the_choice(site: Site, open_page: Opener) -> None:
    await site.bury(await site.enqueue("mail.send"))
    page = await open_page("dead-letters")
    one = page.get_by_label("Choose mail.send")
    await one.check()
    await page.get_by_role("button", name="Redrive 1").click()
    await page.get_by_role("button", name="Keep as it is").click()
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await expect(one).to_be_checked()


async def test_what_could_not_be_redriven_stays_chosen(site: Site, open_page: Opener) -> None:
    buried = [await site.enqueue(f"mail.send{number}") for number in range(3)]
    for task_id in buried:
        await site.bury(task_id)
    page = await open_page("dead-letters")
    for number in range(3):
        await page.get_by_label(f"Choose mail.send{number}").check()
    await page.route(f"**/v1/tasks/{buried[1]}/redrive", lambda route: route.abort())

    await page.get_by_role("button", name="Redrive 3").click()
    await page.get_by_role("dialog").get_by_role("button", name="Redrive 3").click()
    await expect(page.get_by_role("status")).to_contain_text("1 of 3 without success")
    await expect(page.locator("tbody tr")).to_have_count(1)
    await expect(page.get_by_label("Choose mail.send1")).to_be_checked()
    await expect(page.get_by_role("button", name="Redrive 1")).to_be_enabled()


async def test_many_are_not_tried_one_by_one_where_the_key_may_not(site: Site, open_page: Opener) -> None:
    for _ in range(9):
        await site.bury(await site.enqueue())
    page = await open_page(scope="read")
    await page.route("**/v1/keys/present", lambda route: route.abort())  # what the key may do is not known
    await page.reload()
    await page.get_by_role("link", name="Dead letters", exact=True).click()
    await page.get_by_role("checkbox", name="Choose all on this page").check()
    tried: list[str] = []
    page.on("request", lambda request: tried.append(request.url) if request.method == "POST" else None)

    await page.get_by_role("button", name="Redrive 9").click()
    await page.get_by_role("dialog").get_by_role("button", name="Redrive 9").click()
    await expect(page.get_by_role("status")).to_contain_text("9 of 9 without success")
    await expect(page.get_by_role("status")).to_contain_text("'write'")
    assert len(tried) == 6  # as many as are asked for at once


async def test_a_choice_outlives_the_page_that_showed_it_but_not_its_filter(site: Site, open_page: Opener) -> None:
    task_id = await site.enqueue("mail.send")
    await site.bury(task_id)
    page = await open_page("dead-letters")
    await page.get_by_label("Choose mail.send").check()
    for _ in range(50):
        await site.bury(await site.enqueue("report.build"))
    await expect(page.get_by_text("1 chosen, 1 not shown")).to_be_visible()
    await page.get_by_label("Choose report.build").first.check()
    await expect(page.get_by_text("2 chosen, 1 not shown")).to_be_visible()
    await page.get_by_role("button", name="Older").click()
    await expect(page.get_by_label("Choose mail.send")).to_be_checked()

    await page.get_by_role("button", name="Redrive 2").click()
    await expect(page.get_by_role("dialog")).to_contain_text("1 of them is not on this page.")
    await page.get_by_role("dialog").get_by_role("button", name="Redrive 2").click()
    await expect(page.get_by_role("status")).to_contain_text("2 tasks are back at work.")
    await expect(page.get_by_text("not shown")).to_have_count(0)

    await page.get_by_role("button", name="To the first page").click()
    await page.get_by_role("checkbox", name="Choose all on this page").check()
    await expect(page.get_by_role("button", name="Redrive 49")).to_be_enabled()
    await page.get_by_label("queue").fill("default")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Redrive chosen")).to_be_disabled()


async def test_a_choice_is_there_after_one_of_it_was_read(site: Site, open_page: Opener) -> None:
    for number in range(3):
        await site.bury(await site.enqueue(f"mail.send{number}"))
    page = await open_page("dead-letters")
    await page.get_by_role("checkbox", name="Choose all on this page").check()
    await page.get_by_role("link", name="mail.send1").click()
    await expect(page.get_by_label("Payload")).to_be_visible()
    await page.go_back()
    await expect(page.get_by_label("Choose mail.send1")).to_be_checked()
    await expect(page.get_by_role("button", name="Redrive 3")).to_be_enabled()

    await page.get_by_role("link", name="mail.send1").click()
    await page.get_by_role("button", name="Redrive").click()
    await page.get_by_role("button", name="Redrive the task").click()
    await expect(page.locator(".task-line")).to_contain_text("ready")
    await page.go_back()
    await expect(page.get_by_role("button", name="Redrive 2")).to_be_enabled()
    await expect(page.get_by_text("not shown")).to_have_count(0)


async def test_a_choice_goes_with_its_key(site: Site, open_page: Opener) -> None:
    await site.bury(await site.enqueue("mail.send"))
    page = await open_page("dead-letters")
    await page.get_by_label("Choose mail.send").check()
    await page.get_by_role("button", name="Sign out").click()
    await page.get_by_label("API key").fill(await site.key())
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Choose mail.send")).not_to_be_checked()


@pytest.mark.parametrize("width", [WIDE, NARROW])
async def test_all_of_a_page_are_chosen_by_what_is_seen(site: Site, open_page: Opener, width: int) -> None:
    for _ in range(3):
        await site.bury(await site.enqueue("mail.send"))
    page = await open_page("dead-letters", width=width)
    await page.get_by_role("checkbox", name="Choose all on this page").click()
    await expect(page.get_by_role("button", name="Redrive 3")).to_be_enabled()
    assert await page.locator("tbody input:checked").count() == 3
    assert await page.locator("input:visible").and_(page.get_by_label("Choose all")).count() == 1
