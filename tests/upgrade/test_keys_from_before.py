"""Idempotency keys across the migration that has what was said compared, with clients of both versions at work."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import psycopg
import pytest
from tests.harness.installation import settings_for

from rowlock import Rowlock
from rowlock.domain.errors import IdempotencyKeyReused
from rowlock.store.migrate import downgrade, migrate

ENQUEUE = "SELECT id, created FROM rowlock.enqueue_many(%s::jsonb)"
DEFAULTS: dict[str, Any] = {"queue": "mail", "max_attempts": 9, "tags": ["a"]}


def of_the_version_before(connection: psycopg.Connection, key: str, **said: Any) -> tuple[UUID, bool]:
    """What its clients send of `pay.options(idempotency_key=key, **said).enqueue(5)`: all of it, as if it were said."""
    sent = {
        "name": "pay", "payload": {"amount": 5}, "queue": "mail", "priority": "2", "max_attempts": 9,
        "payload_version": 1, "tags": ["a"], "idempotency_key": key, "idempotency_seconds": 86_400, **said,
    }  # fmt: skip
    row = connection.execute(ENQUEUE, [json.dumps([sent])]).fetchone()
    assert row is not None
    return row


def of_this_one(url: str, key: str, *, defaults: dict[str, Any] = DEFAULTS, **said: Any) -> tuple[UUID, bool]:
    app = Rowlock(settings=settings_for(url))

    @app.task(name="pay", **defaults)
    def pay(amount: int) -> None: ...

    try:
        handle = pay.options(idempotency_key=key, **said).enqueue_sync(5)
    finally:
        app.close_sync()
    return handle.id, handle.created


@pytest.fixture
def connection(old_database_url: str) -> Any:
    """A session that goes on while the database is migrated."""
    migrate(old_database_url, revision="0024")
    with psycopg.connect(old_database_url, autocommit=True) as made:
        yield made


def test_keys_from_before_are_honoured(connection: psycopg.Connection, old_database_url: str) -> None:
    first, _ = of_the_version_before(connection, "k")
    migrate(old_database_url)
    assert of_this_one(old_database_url, "k") == (first, False)
    assert of_the_version_before(connection, "k") == (first, False)
    for other in ({"max_attempts": 8}, {"tags": ()}, {"defaults": {"queue": "bulk"}}):
        with pytest.raises(IdempotencyKeyReused):
            of_this_one(old_database_url, "k", **other)


def test_both_versions_know_each_other_s_keys(connection: psycopg.Connection, old_database_url: str) -> None:
    of_the_version_before(connection, "warm")
    migrate(old_database_url)
    of_old, _ = of_the_version_before(connection, "old")
    of_new, _ = of_this_one(old_database_url, "new")
    assert of_this_one(old_database_url, "old") == (of_old, False)
    assert of_this_one(old_database_url, "old", max_attempts=9) == (of_old, False)
    assert of_the_version_before(connection, "new") == (of_new, False)
    with pytest.raises(psycopg.Error, match="names another request"):
        of_the_version_before(connection, "new", max_attempts=8)


def test_sql_is_compared_as_before(connection: psycopg.Connection, old_database_url: str) -> None:
    """Its defaults come from the table of handlers, after the comparing."""
    one = "SELECT rowlock.enqueue('pay', '{\"amount\": 5}', idempotency_key => 'k')"
    first = connection.execute(one).fetchone()
    migrate(old_database_url)
    connection.execute(
        "INSERT INTO rowlock.handlers (name, queue, priority, max_attempts, executor) "
        "VALUES ('pay', 'bulk', 1, 2, 'async')"
    )
    assert connection.execute(one).fetchone() == first
    with pytest.raises(psycopg.Error, match="names another request"):
        connection.execute(one.replace("5", "6"))


def test_the_way_back_leaves_the_keys(connection: psycopg.Connection, old_database_url: str) -> None:
    migrate(old_database_url)
    first, _ = of_this_one(old_database_url, "k")
    downgrade(old_database_url, revision="0024")
    assert of_the_version_before(connection, "k") == (first, False)


REGISTERED = {"queue": "mail", "priority": "1", "max_attempts": 9}
FILLED_IN = ["expires_in_seconds", "max_attempts", "payload_version", "priority", "queue", "timeout_seconds"]
WITH_TAGS = [*FILLED_IN[:5], "tags", FILLED_IN[5]]  # this version leaves tags unsaid


def of_rest(connection: psycopg.Connection, registered: dict[str, Any], filled_in: list[str]) -> tuple[UUID, bool]:
    """What REST sends of a request that says nothing but its payload."""
    sent = {
        "name": "pay", "payload": {"amount": 5}, "payload_version": 1, "idempotency_key": "rest", **registered,
        "filled_in": filled_in,
    }  # fmt: skip
    row = connection.execute(ENQUEUE, [json.dumps([sent])]).fetchone()
    assert row is not None
    return row


def test_what_was_said_is_known_though_it_was_hashed_as_it_was_spelt(old_database_url: str) -> None:
    """By now it is hashed by what it means: from Python, from REST, and from SQL in a session like the first."""
    migrate(old_database_url, revision="0027")
    sql = "SELECT rowlock.enqueue('pay', run_at => '2030-07-01 12:00Z', idempotency_key => 'sql')"
    with psycopg.connect(old_database_url, autocommit=True) as session:
        by_python, _ = of_this_one(old_database_url, "python")
        by_rest, _ = of_rest(session, REGISTERED, FILLED_IN)
        by_sql = session.execute(sql).fetchone()
        migrate(old_database_url)
        changed = {**DEFAULTS, "queue": "bulk"}
        assert of_this_one(old_database_url, "python", defaults=changed) == (by_python, False)
        for filled_in in (FILLED_IN, WITH_TAGS):
            assert of_rest(session, {**REGISTERED, "queue": "bulk"}, filled_in) == (by_rest, False)
        assert session.execute(sql).fetchone() == by_sql
        for other in ({"queue": "bulk"}, {"tags": ()}):
            with pytest.raises(IdempotencyKeyReused):
                of_this_one(old_database_url, "python", **other)
        with pytest.raises(psycopg.Error, match="names another request"):
            of_rest(session, {**REGISTERED, "queue": "bulk"}, [name for name in FILLED_IN if name != "queue"])


def test_what_was_said_is_known_though_its_numbers_kept_their_zeros(old_database_url: str) -> None:
    """By now they are hashed without."""
    migrate(old_database_url, revision="0029")
    sql = "SELECT rowlock.enqueue('pay', '{\"amount\": 10.50}', max_attempts => 7, idempotency_key => 'sql')"
    with psycopg.connect(old_database_url, autocommit=True) as session:
        by_sql = session.execute(sql).fetchone()
        by_rest, _ = of_rest(session, {**REGISTERED, "payload": {"amount": 5.0}}, FILLED_IN)
        migrate(old_database_url)
        assert session.execute(sql).fetchone() == by_sql
        changed = {**REGISTERED, "payload": {"amount": 5.0}, "queue": "bulk"}
        assert of_rest(session, changed, FILLED_IN) == (by_rest, False)
        with pytest.raises(psycopg.Error, match="names another request"):
            session.execute(sql.replace("10.50", "11.50"))


@pytest.mark.parametrize("revision", ["0029", "head"])
@pytest.mark.parametrize("amount", [5, 5.0])
def test_what_rest_of_the_version_before_said_since_is_known(
    old_database_url: str, revision: str, amount: float
) -> None:
    """Between `rowlock migrate` and the deploy: it says that no tags are wanted where it leaves them to the handler."""
    migrate(old_database_url, revision=revision)
    paid = {**REGISTERED, "payload": {"amount": amount}}
    with psycopg.connect(old_database_url, autocommit=True) as session:
        first, _ = of_rest(session, paid, FILLED_IN)
        migrate(old_database_url)
        assert of_rest(session, {**paid, "max_attempts": 5}, WITH_TAGS) == (first, False)
        sql = f"SELECT rowlock.enqueue('pay', '{{\"amount\": {amount}}}', idempotency_key => 'rest')"
        assert session.execute(sql).fetchone() == (first,)
        for other in ({"payload": {"amount": 6}}, {"tags": ["a"]}):
            with pytest.raises(psycopg.Error, match="names another request"):
                of_rest(session, {**paid, "max_attempts": 5, **other}, FILLED_IN)


def test_the_way_back_to_how_it_was_spelt_leaves_the_keys(database_url: str) -> None:
    first, _ = of_this_one(database_url, "k")
    downgrade(database_url, revision="0027")
    assert of_this_one(database_url, "k") == (first, False)
