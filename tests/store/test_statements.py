"""Every statement parses, plans and types against the migrated schema."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from rowlock.store.statements import render, statement, statement_names
from rowlock.testing.databases import FreshDatabases

PLACEHOLDER = re.compile(r"%\((\w+)\)s")


def positional(sql: str) -> str:
    """psycopg's named placeholders as PostgreSQL's numbered ones."""
    names: list[str] = []

    def number(match: re.Match[str]) -> str:
        if match[1] not in names:
            names.append(match[1])
        return f"${names.index(match[1]) + 1}"

    return PLACEHOLDER.sub(number, sql).replace("%%", "%")


@pytest.fixture(scope="module")
def connection(databases: FreshDatabases) -> Iterator[psycopg.Connection[Any]]:
    """One for all, since preparing changes nothing."""
    with databases.clone() as url, psycopg.connect(url, autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize("name", statement_names())
def test_statement_prepares(name: str, connection: psycopg.Connection[Any]) -> None:
    connection.execute(f'PREPARE "{name}" AS {positional(statement(name))}'.encode())


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
