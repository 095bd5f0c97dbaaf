"""What the documentation says of settings, routes, problems, the schema and reliability is what code and runs say."""

from __future__ import annotations

import re

import pytest
from tests.docs.generated import PARTS, WITHOUT_DATABASE, contents, written

from rowlock.api.app import openapi_document

ANEW = "Write it anew: python -m tests.docs.generated"


@pytest.mark.parametrize("name", sorted(WITHOUT_DATABASE))
def test_part_is_made_from_the_code(name: str) -> None:
    assert written(name) == contents(None, name), ANEW


@pytest.mark.parametrize("name", sorted(PARTS.keys() - WITHOUT_DATABASE.keys()))
def test_part_is_made_from_the_migrated_schema(name: str, database_url: str) -> None:
    assert written(name) == contents(database_url, name), ANEW


def test_every_kind_of_problem_that_the_api_tells_of_has_an_entry() -> None:
    told = re.findall(r"^\| `([a-z-]+)` \|", openapi_document()["info"]["description"], re.MULTILINE)
    assert "invalid-cursor" in told
    assert [slug for slug in told if f'<a id="{slug}">' not in written("problems")] == []
