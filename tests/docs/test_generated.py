"""What the documentation says of settings, problem types and the schema is what the code says."""

from __future__ import annotations

import pytest
from tests.docs.generated import PARTS, contents, written

ANEW = "Write it anew: python -m tests.docs.generated"


@pytest.mark.parametrize("name", ["settings", "problems"])
def test_part_is_made_from_the_code(name: str) -> None:
    assert written(name) == contents(None, name), ANEW


@pytest.mark.parametrize("name", sorted(set(PARTS) - {"settings", "problems"}))
def test_part_is_made_from_the_migrated_schema(name: str, database_url: str) -> None:
    assert written(name) == contents(database_url, name), ANEW
