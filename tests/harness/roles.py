"""Roles of the tests' server: they are the cluster's, so each test makes its own and takes it away again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from urllib.parse import quote

import psycopg
from psycopg import sql

from rowlock.store.links import connection_options

_NUMBERS = count(1)


@contextmanager
def role(url: str, of: str | None = None) -> Iterator[str]:
    """A role that may log in and, as long as it is a member `of` no other, nothing else. What it owns in that database
    goes with it."""
    name = f"role_{os.getpid()}_{next(_NUMBERS)}"
    made = sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name))
    if of:
        made += sql.SQL(" IN ROLE {}").format(sql.Identifier(of))
    with psycopg.connect(url, autocommit=True, **connection_options(url)) as admin:
        admin.execute(made)
        try:
            yield name
        finally:
            admin.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(sql.Identifier(name)))
            admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def url_of(url: str, name: str) -> str:
    """The same database, for that role."""
    return f"{url}{'&' if '?' in url else '?'}user={quote(name)}"
