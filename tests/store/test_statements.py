"""Every statement parses, plans and types against the migrated schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from rowlock.store.statements import Statement, render, statement, statement_names
from rowlock.testing.databases import FreshDatabases


@pytest.fixture(scope="module")
def connection(databases: FreshDatabases) -> Iterator[psycopg.Connection[Any]]:
    """One for all, since preparing changes nothing."""
    with databases.clone() as url, psycopg.connect(url, autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize("name", statement_names())
def test_statement_prepares(name: str, connection: psycopg.Connection[Any]) -> None:
    connection.execute(f'PREPARE "{name}" AS '.encode() + statement(name).numbered)


@pytest.mark.parametrize("name", statement_names())
def test_statement_says_what_it_needs(name: str) -> None:
    head = "\n".join(line for line in statement(name).splitlines() if line.startswith("--"))
    for promise in ("Index:", "Locks:", "Fence:"):
        assert promise in head, f"{name}.sql does not say its {promise}"


def test_rendering_names_another_schema() -> None:
    assert render("SELECT rowlock.clock(), nextval('rowlock.lease_tokens')", "other") == (
        """SELECT "other".clock(), nextval('"other".lease_tokens')"""
    )
    assert "rowlock." not in render("SELECT rowlock.clock()", "other")


def test_placeholders_are_numbered_in_order_of_their_first_use() -> None:
    sql = Statement("SELECT %(b)s, %(a)s, %(b)s, 5 %% 2")
    assert (sql.names, sql.numbered) == (("b", "a"), b"SELECT $1, $2, $1, 5 % 2")


def test_without_placeholders_nothing_is_escaped() -> None:
    assert Statement("SELECT 5 % 2").numbered == b"SELECT 5 % 2"
