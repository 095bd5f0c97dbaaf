"""Large payloads: coloured up to a limit, plain text beyond, and not drawn anew while they stay the same."""

from __future__ import annotations

import json

import pytest
from playwright.async_api import expect
from tests.browser.conftest import Opener, Site

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

DRAWN = 20_000
A_WHILE = 3_000

COUNT = """
const matchAll = String.prototype.matchAll;
window.drawings = 0;
String.prototype.matchAll = function (pattern) {
    window.drawings += this.includes('"lorem"') ? 1 : 0;
    return matchAll.call(this, pattern);
};
const stringify = JSON.stringify;
window.printings = 0;
JSON.stringify = (value, replacer, indent) => {
    window.printings += indent ? 1 : 0;
    return stringify(value, replacer, indent);
};
"""


async def test_a_string_that_was_cut_is_still_one_string(site: Site, open_page: Opener) -> None:
    task_id = await site.enqueue(payload={"text": "1 true \n" * DRAWN})
    page = await open_page(f"tasks/{task_id}")
    payload = page.get_by_label("Payload")

    await expect(payload.locator("span.json-text")).to_have_count(1)
    await expect(payload.locator("pre span")).to_have_count(2)
    assert len(await payload.locator("pre").inner_text()) == DRAWN


async def test_all_of_a_large_payload_is_plain_text(site: Site, open_page: Opener) -> None:
    numbers = list(range(DRAWN))
    task_id = await site.enqueue(payload={"numbers": numbers})
    page = await open_page(f"tasks/{task_id}")
    payload = page.get_by_label("Payload")

    await page.get_by_role("button", name="Show all").press("Enter")  # a click may miss what moves while the rest loads
    await expect(payload.locator("pre span")).to_have_count(0)
    assert json.loads(await payload.locator("pre").inner_text()) == {"numbers": numbers}


async def test_what_stays_the_same_is_not_drawn_anew(site: Site, open_page: Opener) -> None:
    task_id = await site.enqueue(payload={"lorem": 1})
    page = await open_page("tasks")
    await page.add_init_script(COUNT)
    await page.clock.install()
    await page.reload()
    await page.goto(f"{site.address}/#/tasks/{task_id}")
    await expect(page.get_by_label("Payload")).to_contain_text("lorem")
    for _ in range(3):
        async with page.expect_response(f"**/v1/tasks/{task_id}"):
            await page.clock.run_for(A_WHILE)
    assert await page.evaluate("window.printings") == 1

    await site.sql("UPDATE rowlock.tasks_live SET priority = 0")
    await page.clock.run_for(A_WHILE)
    await expect(page.get_by_label("Priority")).to_have_value("critical")
    assert await page.evaluate("window.drawings") == 1
