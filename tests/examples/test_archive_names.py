"""Names as text and back: bytes that are not UTF-8, backslashes, and text that looks escaped."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from examples.archive.manifest import manifest_line
from examples.archive.names import name_of, path_of, text_of
from hypothesis import given
from hypothesis import strategies as st

NAMES = st.binary(min_size=1, max_size=80).filter(lambda name: not {0, 0x2F} & set(name) and name not in (b".", b".."))


@given(NAMES)
def test_every_name_comes_back_from_its_text(name: bytes) -> None:
    text = text_of(Path(os.fsdecode(name)))
    text.encode()  # no lone surrogates: JSON and PostgreSQL can hold it
    assert name_of(text) == name
    assert os.fsencode(path_of(text)) == name


@given(NAMES, NAMES)
def test_two_names_have_two_texts(one: bytes, other: bytes) -> None:
    texts = {text_of(Path(os.fsdecode(name))) for name in (one, other)}
    assert len(texts) == len({one, other})


@pytest.mark.parametrize(
    ("name", "line"),
    [
        (b"plain", b"abc  plain\n"),
        (b"latin-\xe9", b"abc  latin-\xe9\n"),
        (b"line\nbreak", b"\\abc  line\\nbreak\n"),
        (b"carriage\rreturn", b"\\abc  carriage\\rreturn\n"),
        (b"back\\slash", b"\\abc  back\\\\slash\n"),
    ],
)
def test_a_manifest_line_is_what_sha256sum_writes(name: bytes, line: bytes) -> None:
    assert manifest_line("abc", text_of(Path(os.fsdecode(name)))) == line
