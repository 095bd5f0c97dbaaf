"""Each promise names tests, and those tests exist."""

from __future__ import annotations

import re

from tests.docs.pages import REPOSITORY

GUARANTEES = REPOSITORY / "docs" / "guarantees.md"
PROMISES = 7
_NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def test_every_promise_names_a_test_that_holds_it() -> None:
    promises = re.split(r"^## (?=\d)", GUARANTEES.read_text(), flags=re.MULTILINE)[1:]
    assert [promise[:2] for promise in promises] == [f"{number}." for number in range(1, PROMISES + 1)]
    assert [promise.splitlines()[0] for promise in promises if not _NAMED.search(promise)] == []


def test_every_named_test_exists() -> None:
    missing = [
        f"{path}::{name}"
        for path, name in _NAMED.findall(GUARANTEES.read_text())
        if not (REPOSITORY / path).is_file() or f"def {name}(" not in (REPOSITORY / path).read_text()
    ]
    assert missing == []
