"""Each sentence that promises something names tests, and those tests exist."""

from __future__ import annotations

import re

from tests.docs.pages import REPOSITORY

GUARANTEES = REPOSITORY / "docs" / "guarantees.md"
PROMISES = 7
_NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
_HOLDS = re.compile(r"^\*\*Holds\.\*\* (.*?)^(?=\*\*)", flags=re.MULTILINE | re.DOTALL)
_SENTENCE_END = re.compile(r"\.((?:\[\^[\w-]+\])*)(?=\s)")
_NOTE = re.compile(r"^\[\^([\w-]+)\]: ((?:.|\n    )*)", flags=re.MULTILINE)


def promises() -> list[str]:
    return re.split(r"^## (?=\d|What)", GUARANTEES.read_text(), flags=re.MULTILINE)[1 : PROMISES + 1]


def test_each_sentence_of_a_promise_leads_to_its_tests() -> None:
    assert [promise[:2] for promise in promises()] == [f"{number}." for number in range(1, PROMISES + 1)]
    for promise in promises():
        [held] = _HOLDS.findall(promise)
        endings = list(_SENTENCE_END.finditer(held))
        bare = [held[: end.start()][-60:] for end in endings if not end[1]]
        assert endings
        assert bare == [], f"These sentences of {promise.splitlines()[0]} name no test."


def test_every_note_is_used_and_names_tests() -> None:
    for promise in promises():
        notes = dict(_NOTE.findall(promise))
        used = set(re.findall(r"\[\^([\w-]+)\](?!:)", promise))
        assert used == notes.keys()
        assert [name for name, text in notes.items() if not _NAMED.search(text)] == []


def test_every_named_test_exists() -> None:
    missing = [
        f"{path}::{name}"
        for path, name in _NAMED.findall(GUARANTEES.read_text())
        if not (REPOSITORY / path).is_file() or f"def {name}(" not in (REPOSITORY / path).read_text()
    ]
    assert missing == []
