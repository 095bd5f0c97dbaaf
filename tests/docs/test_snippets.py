"""Every block of code in the documentation works, page by page, or says why it is not run."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.docs.pages import RUNNABLE, Page, pages
from tests.docs.snippets import Reader

PAGES = [page for page in pages() if any(block.language in RUNNABLE for block in page.blocks)]


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page_works_as_pasted(page: Page, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    if page.needs_up:
        up = request.getfixturevalue("installation")
        reader = Reader(tmp_path, up.database_url, up.url, up.api_key)
    else:
        reader = Reader(tmp_path, request.getfixturevalue("database_url"))
    reader.follow(page)


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if page.asks_for_the_url], ids=lambda page: page.name)
def test_page_that_asks_for_the_url_works_with_the_embedded_server(
    page: Page, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    if page.needs_up:
        up = request.getfixturevalue("embedded_installation")
        reader = Reader(tmp_path, up.database_url, up.url, up.api_key, says_where=False)
    else:
        reader = Reader(tmp_path, request.getfixturevalue("embedded_database_url"), says_where=False)
    reader.follow(page)


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_each_block_names_its_language_and_each_that_is_not_run_says_why(page: Page) -> None:
    for block in page.blocks:
        assert block.language, f"{block.place}: the block names no language."
        assert block.options.get("skip", "why") != "", f"{block.place}: the block is skipped without a reason."
