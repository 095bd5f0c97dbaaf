"""URLs that libpq cannot read are the caller's to mend: one sentence says so, without the password."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.cli.caller import Caller
from tests.harness.installation import settings_for

from rowlock.domain.errors import ConfigurationError
from rowlock.store.database import Database
from rowlock.store.links import connection_options
from rowlock.store.migrate import migrate
from rowlock.store.revisions import current_revision
from rowlock.store.sync_database import SyncDatabase

ODD = "postgresql://jobs:pa%zzword@127.0.0.1:1/shop"
UNREADABLE = {
    "postgresql://jobs:password@127.0.0.1:1/shop?pool_size=5": "no parameter 'pool_size'",
    "postgresql://jobs:password@127.0.0.1:1/shop?pool_size=5&sslmode=require": "no parameter 'pool_size'",
    "postgresql://jobs:password@127.0.0.1:1/shop?connect_timeout=abc": "not a number of seconds",
    ODD: "as %XX",
    "postgresql://jobs:pass%00word@127.0.0.1:1/shop": "as %XX",
    "postgresql://jobs:pass word@127.0.0.1:1/shop": "as %XX",
    "postgresql://jobs:pa/ss?word=1@127.0.0.1:1/shop": "as %XX",
    "postgresql://jobs:password@[::1/shop": "as %XX",
}


@pytest.mark.parametrize("url", UNREADABLE)
def test_it_is_said_what_is_wrong_and_no_password_is_shown(url: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        connection_options(url)
    assert UNREADABLE[url] in refused.value.message
    assert "word" not in refused.value.message.replace("password as %XX", "")
    assert refused.value.__suppress_context__, "a traceback would show libpq's words"


@pytest.mark.parametrize("entrance", [migrate, current_revision, lambda url: SyncDatabase(settings_for(url))])
def test_every_way_to_the_database_refuses_them(entrance: Callable[[str], Any]) -> None:
    with pytest.raises(ConfigurationError):
        entrance(ODD)


async def test_a_pool_and_a_connection_of_one_s_own_refuse_them() -> None:
    with pytest.raises(ConfigurationError):
        async with Database(settings_for(ODD)):
            pass
    with pytest.raises(ConfigurationError):
        await Database(settings_for(ODD)).own_link("test")


@pytest.mark.parametrize("command", [("tasks", "list"), ("enqueue", "noop"), ("migrate",), ("keys", "list"), ("api",)])
@pytest.mark.parametrize("url", [ODD, "postgresql://127.0.0.1:1/shop?connect_timeout=abc"])
def test_commands_end_with_2(command: tuple[str, ...], url: str) -> None:
    answer = Caller({"ROWLOCK_DATABASE_URL": url})(*command)
    assert (answer.code, answer.err.count("\n")) == (2, 1), answer.err
    assert answer.err.startswith("Error: The database's URL cannot be read: ")
