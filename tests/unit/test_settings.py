"""Settings: what may be given, and what is let be."""

from __future__ import annotations

import pytest

from rowlock.config import load_settings


def test_a_variable_that_is_no_setting_is_let_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """`ROWLOCK_API_KEY` was one once, and people keep keys for their own requests in such variables."""
    monkeypatch.setenv("ROWLOCK_API_KEY", "rlk_1_2")
    assert "rlk_1_2" not in repr(load_settings())
