"""Secrets are masked wherever they stand; what is no secret is left alone."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowlock.telemetry.masking import mask_secrets, mask_text


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("key rlk_ab12_S3cret-x_y was refused", "key rlk_ab12_*** was refused"),
        ("postgresql://u:pw@h:5432/db", "postgresql://u:***@h:5432/db"),
        ("postgres://u:p@ss/w:rd@h/db failed", "postgres://u:***@h/db failed"),
        ("postgresql+psycopg://u:pw@h/db", "postgresql+psycopg://u:***@h/db"),
        ('url="postgresql://u:pw@h/db" mail=a@b', 'url="postgresql://u:***@h/db" mail=a@b'),
        ("host=h password=pw dbname=db", "host=h password=*** dbname=db"),
        (r"password = 'it\'s long' dbname=db", "password = *** dbname=db"),
        ("postgresql://h/db?user=u&password=pw&x=1", "postgresql://h/db?user=u&password=***&x=1"),
        ("postgresql://h/db?sslkey=k&sslpassword=pw&x=1", "postgresql://h/db?sslkey=k&sslpassword=***&x=1"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("{'authorization': 'Basic dTpw'}", "{'authorization': 'Basic ***'}"),
        ("sent bearer abcdefgh12345678", "sent bearer ***"),
        ("postgresql://u@h/db", "postgresql://u@h/db"),
        ("postgresql://h:5432/db", "postgresql://h:5432/db"),
        ("http://u:pw@h and a password for you", "http://u:pw@h and a password for you"),
        ("The bearer of news", "The bearer of news"),
    ],
)
def test_text(text: str, masked: str) -> None:
    assert mask_text(text) == masked


@given(
    st.lists(
        st.sampled_from([*"ab@@:/+-<>\"' ", "postgres", "postgresql", "postgres://", "postgres://u:", "+x", "://"]),
        max_size=20,
    )
)
def test_a_url_is_masked_from_its_colon_to_its_last_at_sign(parts: list[str]) -> None:
    plainly = re.compile(r"(\bpostgres(?:ql)?(?:\+\w+)?://[^\s:/@]*:)[^\s\"'<>]*(?=@)")
    text = "".join(parts)
    assert mask_text(text) == plainly.sub(r"\1***", text)


HOSTILE = (
    "postgres://a:", "postgres://", "postgres://a:x@", "postgres+postgres", "/postgres+a", "rlk_a-", "-rlk_", " rlk_a",
    "password='", "password=\\'", "password ", "authorization: bearer ", "authorization: ", "bearer ",
)  # fmt: skip


@pytest.mark.parametrize("part", HOSTILE)
def test_no_text_takes_long(part: str) -> None:
    begun = time.process_time()
    mask_text("/" + part * (65_536 // len(part)))
    mask_text(part + " " * 65_536)
    assert time.process_time() - begun < 1.0


def masked(**event: object) -> dict[str, object]:
    return dict(mask_secrets(None, "info", event))


def test_keys_that_name_a_secret_hide_their_value_at_any_depth() -> None:
    event = masked(api_key="anything", headers={"Authorization": "x", "X-API-Key": "y", "Accept": "z"})
    assert event == {
        "api_key": "***",
        "headers": {"Authorization": "***", "X-API-Key": "***", "Accept": "z"},
    }


def test_secrets_inside_other_types_are_found() -> None:
    @dataclass
    class Settings:
        database_url: str

    event = masked(
        settings=Settings("postgresql://u:pw@h/db"),
        headers=[(b"authorization", b"Bearer rlk_a_bcdefgh")],
        error=ValueError("rlk_a_b"),
    )
    assert "pw" not in str(event["settings"])
    assert event["headers"] == [["authorization", "Bearer rlk_a_***"]]
    assert event["error"] == "rlk_a_***"


def test_plain_values_stay_and_others_become_their_text() -> None:
    task = UUID("0190a1b2-0000-7000-8000-000000000001")
    event = masked(
        n=1, x=0.5, yes=True, none=None, lease_token=77, task=task, nan=float("nan"),
        at=datetime(2025, 1, 2, tzinfo=UTC),
    )  # fmt: skip
    assert event == {
        "n": 1,
        "x": 0.5,
        "yes": True,
        "none": None,
        "lease_token": 77,
        "task": str(task),
        "nan": "nan",
        "at": "2025-01-02 00:00:00+00:00",
    }


def test_a_structure_that_holds_itself_ends() -> None:
    loop: dict[str, object] = {"password": "pw"}
    loop["self"] = loop
    assert "***" in str(masked(loop=loop))
