"""Links inside the documentation lead somewhere."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from tests.docs.pages import REPOSITORY, Page, pages

OUTSIDE = ("http://", "https://", "mailto:")


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_links_lead_to_files_and_headings_that_exist(page: Page) -> None:
    broken = [link for link in page.links if not link.startswith(OUTSIDE) and not leads_somewhere(page, link)]
    assert broken == []


def leads_somewhere(page: Page, link: str) -> bool:
    target, _, anchor = unquote(link).partition("#")
    path = (page.path.parent / target).resolve() if target else page.path
    if not path.exists() or not path.is_relative_to(REPOSITORY):
        return False
    return not anchor or path.suffix != ".md" or anchor in Page(path, path.read_text()).anchors


def test_every_page_can_be_reached_from_the_index() -> None:
    known = {page.path: page for page in pages()}
    waiting, reached = [REPOSITORY / "README.md"], set()
    while waiting:
        path = waiting.pop()
        if path in reached or path not in known:
            continue
        reached.add(path)
        for link in known[path].links:
            target = (path.parent / unquote(link).partition("#")[0]).resolve()
            waiting.append(target / "index.md" if target.is_dir() else target)
    assert {page.name for page in pages()} - {str(p.relative_to(REPOSITORY)) for p in reached} == set()
