"""Answers that come in pieces: one that goes on is waited for, one that breaks off is said to have done so."""

from __future__ import annotations

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect
from tests.browser.conftest import Opener, Site
from tests.harness.eventually import eventually

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

NEARLY_TOO_LONG = 15_000
TOO_LONG = 21_000

# The answer about one task is handed over as the test says, piece by piece.
IN_PIECES = """
const really = window.fetch;
window.pieces = [];
window.fetch = async (where, options) => {
    const response = await really(where, options);
    if (!/tasks\\/[0-9a-f-]+$/.test(where)) return response;
    const bytes = new Uint8Array(await response.arrayBuffer());
    let end = 0;
    const body = new ReadableStream({
        start(stream) {
            options.signal.addEventListener('abort', () => stream.error(options.signal.reason));
            window.pieces.push({
                next: () => stream.enqueue(bytes.slice(end, end += 100)),
                rest: () => { stream.enqueue(bytes.slice(end)); stream.close(); },
                breakOff: () => stream.error(new TypeError('network error')),
            });
        },
    });
    return new Response(body, { status: response.status, headers: response.headers });
};
"""


@pytest_asyncio.fixture(loop_scope="session")
async def page(site: Site, open_page: Opener) -> Page:
    """Waits for the rest of what a task's page asked for; the clock is the test's."""
    task_id = await site.enqueue(payload={"to": "ada@example.org"})
    opened = await open_page("tasks")
    await opened.add_init_script(IN_PIECES)
    await opened.clock.install()
    await opened.reload()
    await opened.goto(f"{site.address}/#/tasks/{task_id}")
    await eventually(lambda: opened.evaluate("window.pieces.length === 1"))
    return opened


async def test_an_answer_that_goes_on_is_waited_for(page: Page) -> None:
    for _ in range(3):
        await page.evaluate("window.pieces[0].next()")
        await page.clock.run_for(NEARLY_TOO_LONG)
    await page.evaluate("window.pieces[0].rest()")
    await expect(page.get_by_label("Payload")).to_contain_text("ada@example.org")


async def test_an_answer_that_stops_is_given_up_in_words(page: Page) -> None:
    await page.evaluate("window.pieces[0].next()")
    await expect(page.get_by_role("status", name="Loading")).to_be_visible()
    await page.clock.run_for(TOO_LONG)
    await expect(page.get_by_role("alert")).to_contain_text("Nothing has come from it for 20 seconds.")


async def test_an_answer_that_breaks_off_is_told_in_words(page: Page) -> None:
    await page.evaluate("window.pieces[0].next()")
    await page.evaluate("window.pieces[0].breakOff()")
    await expect(page.get_by_role("alert")).to_contain_text("The API cannot be reached.")
