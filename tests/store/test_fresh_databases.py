"""Fresh databases: clones are alike, do not see one another, and are gone after their test."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from tests.harness.eventually import eventually_sync

from rowlock.domain.errors import ConfigurationError, DatabaseUnavailable
from rowlock.store.databases import connected, database_exists, database_of, with_database
from rowlock.testing.databases import FreshDatabases
from rowlock.testing.servers import Server


def filled(url: str) -> None:
    with connected(url) as connection:
        connection.execute("CREATE TABLE marks AS SELECT 1 AS mark")


@pytest.fixture
def few(server: Server) -> Iterator[FreshDatabases]:
    databases = FreshDatabases(server.admin_url, prefix="rowlock_few", prepare=filled)
    yield databases
    databases.drop_all()


def marks(url: str) -> int:
    with connected(url) as connection:
        row = connection.execute("SELECT count(*) FROM marks").fetchone()
        assert row is not None
        return int(row[0])


def test_each_clone_is_its_tests_own(few: FreshDatabases) -> None:
    with few.clone() as one, few.clone() as other:
        with connected(one) as connection:
            connection.execute("INSERT INTO marks SELECT generate_series(2, 100)")
        assert marks(one) == 100
        assert marks(other) == 1


def test_a_clone_goes_with_its_block_whoever_is_connected(few: FreshDatabases) -> None:
    with few.clone() as url:
        left_open = psycopg.connect(url)
    try:
        assert not database_exists(few.admin_url, database_of(url))
    finally:
        left_open.close()


def test_clones_are_made_and_dropped_by_one_session_and_by_another_once_it_has_ended(few: FreshDatabases) -> None:
    with few.clone(), few.clone():
        [session] = idle_sessions(few)
    with few.clone():
        assert idle_sessions(few) == [session]
        with connected(few.admin_url) as connection:
            connection.execute("SELECT pg_terminate_backend(%s, 10000)", (session,))
    with few.clone():
        [other] = idle_sessions(few)
    assert other != session


def test_a_session_ends_with_whom_it_served(server: Server, few: FreshDatabases) -> None:
    own = FreshDatabases(server.admin_url, prefix="rowlock_few", prepare=filled)
    with own.clone():
        assert idle_sessions(few)
    del own
    eventually_sync(lambda: not idle_sessions(few))


def test_a_forked_program_leaves_its_parents_session_alone(few: FreshDatabases) -> None:
    with few.clone():
        before = idle_sessions(few)

        def clone_one() -> None:
            with few.clone():
                assert idle_sessions(few) != before

        child = multiprocessing.get_context("fork").Process(target=clone_one)
        child.start()
        child.join()
        assert child.exitcode == 0
        assert set(before) <= set(idle_sessions(few))


def idle_sessions(databases: FreshDatabases) -> list[int]:
    """Those that have last made or dropped one of these databases."""
    with connected(databases.admin_url) as connection:
        rows = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE state = 'idle' AND query LIKE %s ORDER BY pid",
            (f'%DATABASE%"{databases.prefix}_{os.getpid()}_%',),
        )
        return [pid for (pid,) in rows]


def test_an_empty_database_is_empty(empty_database_url: str) -> None:
    with connected(empty_database_url) as connection:
        tables = connection.execute(
            "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        ).fetchone()
    assert tables == (0,)


def test_a_migrated_database_has_the_schema(database_url: str) -> None:
    with connected(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM rowlock.tasks").fetchone() == (0,)


def test_runners_that_ask_at_once_share_one_template(server: Server, few: FreshDatabases) -> None:
    made = []
    together = threading.Barrier(3)

    def prepare(url: str) -> None:
        made.append(url)
        filled(url)

    def ask(_: int) -> str:
        own = FreshDatabases(server.admin_url, prefix="rowlock_few", prepare=prepare)
        together.wait()
        return own.template()

    with ThreadPoolExecutor(3) as runners:
        assert set(runners.map(ask, range(3))) == {"rowlock_few_template"}
    assert len(made) == 1


def test_a_template_that_failed_half_way_does_not_count(server: Server, few: FreshDatabases) -> None:
    def broken(url: str) -> None:
        filled(url)
        raise RuntimeError("migration failed")

    with pytest.raises(RuntimeError, match="migration failed"):
        FreshDatabases(server.admin_url, prefix="rowlock_few", prepare=broken).template()
    with few.clone() as url:
        assert marks(url) == 1


@pytest.mark.parametrize("prefix", ["", "1abc", "a-b", "A", "a" * 41, "a'b"])
def test_a_prefix_must_be_a_plain_short_word(prefix: str) -> None:
    with pytest.raises(ConfigurationError):
        FreshDatabases("postgresql://", prefix=prefix)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://u:p@h:5432/old", "postgresql://u:p@h:5432/new%20one"),
        ("postgresql://h", "postgresql://h/new%20one"),
        ("postgresql://u@/a?host=/x%20y&port=1", "postgresql://u@/new%20one?host=/x%20y&port=1"),
        ("postgresql:///a?dbname=b", "postgresql:///new%20one"),
        ("postgresql://a:1,b:2/c?x=%26", "postgresql://a:1,b:2/new%20one?x=%26"),
    ],
)
def test_a_url_is_pointed_at_another_database(url: str, expected: str) -> None:
    assert with_database(url, "new one") == expected
    assert database_of(expected) == "new one"


def test_a_server_that_is_not_there_is_unavailable() -> None:
    url = "postgresql://postgres@/postgres?host=/nonexistent"
    with pytest.raises(DatabaseUnavailable), connected(url):
        pytest.fail("there is no such server")
