"""Idempotency keys in SQL: what a request means is compared, however it is spelt, in whichever session."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import psycopg
import pytest
from tests.harness.installation import settings_for

from rowlock import Rowlock

Asks = Callable[..., UUID]
ZONES = ("UTC", "Europe/Berlin", "America/New_York")


@pytest.fixture
def asks(database_url: str) -> Any:
    """Runs what enqueues one task in a session of that time zone and some other settings, and gives the task's id."""

    def ask(call: str, zone: str = "UTC", **settings: str) -> UUID:
        with psycopg.connect(database_url, autocommit=True) as session:
            for name, value in {"TimeZone": zone, **settings}.items():
                session.execute("SELECT set_config(%s, %s, false)", [name, value])
            row = session.execute(call.encode()).fetchone()
            assert row is not None
            return UUID(str(row[0]))

    return ask


def many(**said: Any) -> str:
    request = json.dumps([{"name": "x", "idempotency_key": "k", **said}])
    return f"SELECT id FROM rowlock.enqueue_many('{request}')"


def one(said: str = "") -> str:
    return f"SELECT rowlock.enqueue('x', idempotency_key => 'k'{', ' if said else ''}{said})"


def test_an_instant_is_the_same_in_every_session(asks: Asks) -> None:
    first = asks(one("run_at => '2030-07-01 12:00Z'"))
    for zone in ZONES:
        assert asks(one("run_at => '2030-07-01 12:00Z'"), zone, DateStyle="German") == first
    for spelt in ("2030-07-01T12:00:00Z", "2030-07-01T12:00:00+00:00", "2030-07-01 14:00+02"):
        assert asks(many(run_at=spelt), "Europe/Berlin") == first
    assert asks(many(run_at="2030-07-01 14:00"), "Europe/Berlin") == first
    with pytest.raises(psycopg.Error, match="names another request"):
        asks(one("run_at => '2030-07-01 12:00'"), "Europe/Berlin")


def test_what_is_left_out_is_not_said(asks: Asks) -> None:
    first = asks(one())
    assert asks(many()) == first
    assert asks(many(payload={}, queue=None, tags=None, run_at=None)) == first
    assert asks(many(tags=[], delay_seconds=0)) == first
    assert asks(one("tags => '{}', on_duplicate => 'skip'")) == first


@pytest.mark.parametrize(
    ("said", "options"),
    [
        ("delay => '1 minute'", {"delay_seconds": 60}),
        ("delay => '0.1 seconds'", {"delay_seconds": 0.1}),
        ("delay => '87839 hours 59 minutes 0.123456 seconds'", {"delay_seconds": 316223940.123456}),
        ("timeout => '90 seconds', expires_in => '1 day'", {"timeout_seconds": 90.0, "expires_in_seconds": 86400}),
        ("priority => 'high'", {"priority": "1"}),
        ("unique_key => 'u'", {"unique_key": "u", "on_duplicate": "skip"}),
        ("tags => '{b,a}', max_attempts => 7", {"tags": ["b", "a"], "max_attempts": 7}),
        ('payload => \'{"a": null, "b": [1, null]}\'', {"payload": {"b": [1, None], "a": None}}),
        ("flow_key => 'f', queue => 'q', payload_version => 3", {"flow_key": "f", "queue": "q", "payload_version": 3}),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_both_functions_mean_the_same(asks: Asks, said: str, options: dict[str, Any]) -> None:
    first = asks(one(said))
    assert asks(many(**options)) == first
    assert asks(many(**options), extra_float_digits="-10") == first
    with pytest.raises(psycopg.Error, match="names another request"):
        asks(one())


DEEP = r"""{"a": [1.5, %s, {"b": %s}], "1.0, ": "x\\\", 1.0}"}"""


@pytest.mark.parametrize("around", ['{"a": %s}', DEEP], ids=["one", "deep"])
@pytest.mark.parametrize(
    ("number", "spelt"),
    [("1", ("1.0", "1.000", "1e0")), ("100", ("1e2", "100.0")), ("10.5", ("10.50", "1.05e1")), ("0", ("-0.0", "0.00"))],
)
def test_a_number_is_the_same_however_many_zeros_end_it(
    asks: Asks, around: str, number: str, spelt: tuple[str, ...]
) -> None:
    def asked(number: str) -> str:
        return one(f"payload => '{around.replace('%s', number)}'")

    first = asks(asked(number))
    for other in spelt:
        assert asks(asked(other)) == first
    with pytest.raises(psycopg.Error, match="names another request"):
        asks(asked(f"1{number}"))


def test_an_amount_is_the_same_from_sql_and_python(asks: Asks, database_url: str) -> None:
    """A column of type numeric(10,2) keeps its zeros, and an argument that is annotated as float has one."""
    app = Rowlock(settings=settings_for(database_url))

    @app.task(name="x")
    def pay(amount: float, other: float) -> None: ...

    first = asks(one("payload => jsonb_build_object('amount', 10.50::numeric(10, 2), 'other', 1)"))
    try:
        assert pay.options(idempotency_key="k").enqueue_sync(amount=10.5, other=1).id == first
    finally:
        app.close_sync()


@pytest.mark.parametrize(
    ("first", "other"),
    [
        ({"payload": {"a": "1.0"}}, {"payload": {"a": "1"}}),
        ({"payload": {"a": 10}}, {"payload": {"a": 1.0}}),
        ({"payload": {"a": 1.05}}, {"payload": {"a": 1.5}}),
        ({"payload": {"a": None}}, {"payload": {}}),
        ({"timeout_seconds": 1_234_567}, {"timeout_seconds": 1_234_568}),
        ({"delay_seconds": 316_223_940.123456}, {"delay_seconds": 316_223_940.123457}),
        ({"run_at": "2030-07-01T12:00:00.000001Z"}, {"run_at": "2030-07-01T12:00:00Z"}),
        ({"tags": ["a", "b"]}, {"tags": ["b", "a"]}),
        ({"unique_key": "u"}, {"unique_key": "u", "on_duplicate": "replace"}),
    ],
    ids=str,
)
def test_what_means_another_thing_is_refused(asks: Asks, first: dict[str, Any], other: dict[str, Any]) -> None:
    asks(many(**first))
    with pytest.raises(psycopg.Error, match="names another request"):
        asks(many(**other))
