"""What the documentation says of settings, problem types, the schema and reliability is what the code and a run say."""

from __future__ import annotations

import pytest
from tests.docs.generated import PARTS, WITHOUT_DATABASE, contents, written

ANEW = "Write it anew: python -m tests.docs.generated"


@pytest.mark.parametrize("name", sorted(WITHOUT_DATABASE))
def test_part_is_made_from_the_code(name: str) -> None:
    assert written(name) == contents(None, name), ANEW


@pytest.mark.parametrize("name", sorted(PARTS.keys() - WITHOUT_DATABASE.keys()))
def test_part_is_made_from_the_migrated_schema(name: str, database_url: str) -> None:
    assert written(name) == contents(database_url, name), ANEW
