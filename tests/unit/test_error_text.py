"""Errors as text: readable, storable, within their columns, whatever was raised."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowlock.domain.bounds import MAX_ERROR_CHARS, MAX_TRACEBACK_CHARS
from rowlock.domain.error_text import error_text, traceback_text


class Unspeakable(Exception):
    """An error whose text cannot be had."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


def noted(error: Exception, note: str) -> Exception:
    error.add_note(note)
    return error


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("bad"), "ValueError: bad"),
        (ValueError(), "ValueError"),
        (KeyError("k"), "KeyError: 'k'"),
        (noted(ValueError("bad"), "while paying"), "ValueError: bad\nwhile paying"),
        (ExceptionGroup("several", [ValueError("1")]), "ExceptionGroup: several (1 sub-exception)"),
        (SystemExit(3), "SystemExit: 3"),
        (ValueError("a\0b\ud800"), r"ValueError: a\x00b\ud800"),
        ("The handler said so.", "The handler said so."),
        ("a\0", r"a\x00"),
        ("", ""),
    ],
)
def test_an_error_says_its_type_and_text(error: BaseException | str, text: str) -> None:
    assert error_text(error) == text


def test_an_error_that_cannot_be_printed_is_still_named() -> None:
    assert error_text(Unspeakable()).endswith("Unspeakable: <exception str() failed>")


@pytest.mark.parametrize("length", [MAX_ERROR_CHARS - 1, MAX_ERROR_CHARS])
def test_a_text_that_fits_is_kept(length: int) -> None:
    assert error_text("x" * length) == "x" * length


@pytest.mark.parametrize("text", ["x" * (MAX_ERROR_CHARS + 1), "\0" * MAX_ERROR_CHARS])
def test_a_long_text_loses_its_end(text: str) -> None:
    cut = error_text(text)
    assert len(cut) == MAX_ERROR_CHARS
    assert cut.endswith("…")


def test_a_long_traceback_loses_its_middle() -> None:
    lines = "\n".join(f"line {number}" for number in range(10_000))
    cut = traceback_text(lines)
    assert len(cut) == MAX_TRACEBACK_CHARS
    assert cut.startswith("line 0\n")
    assert cut.endswith("line 9999")
    assert "characters and more left out …" in cut


def test_a_traceback_that_fits_is_kept() -> None:
    assert traceback_text("x" * MAX_TRACEBACK_CHARS) == "x" * MAX_TRACEBACK_CHARS


@given(st.text(st.characters(exclude_categories=()), max_size=60))
def test_every_text_can_be_stored(text: str) -> None:
    for stored in (error_text(text), error_text(ValueError(text)), traceback_text(text)):
        stored.encode("utf-8")
        assert "\0" not in stored
