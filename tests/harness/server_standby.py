"""A streaming standby of a test's own server, and its promotion.

`with standby(primary, "one") as other:` is a second `PostgresServer`, which replays what the primary writes. It goes by
that name there, so `primary.configure(synchronous_standby_names="one")` makes it synchronous: an acknowledged COMMIT is
then on both. `promote(other)` makes a primary of it; the old one must be stopped or killed before, as a failover tool
would see to. `url_of_any(primary, other)` is the address with both hosts, which leads to whichever takes writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg.conninfo import conninfo_to_dict, make_conninfo
from tests.harness.eventually import eventually_sync
from tests.harness.server import PostgresServer
from tests.harness.server_folders import end_folder, new_folder
from tests.harness.server_template import DATABASE, ROLE, binaries

from rowlock.store.embedded_account import give

BASE_BACKUP_SECONDS = 60


@contextmanager
def standby(primary: PostgresServer, name: str, **settings: str) -> Iterator[PostgresServer]:
    """A standby that follows `primary`; ended with the block, promoted or not."""
    folder = new_folder()
    try:
        to_primary = _conninfo(primary, name)
        tools = binaries(primary.cluster)
        cluster = folder / "postgres"
        arguments = ("-D", str(cluster), "-d", to_primary, "-X", "stream", "-c", "fast")
        cluster.mkdir(mode=0o700)
        give(cluster, tools.account)
        made = tools.run("pg_basebackup", *arguments, folder=folder, timeout_seconds=BASE_BACKUP_SECONDS)
        assert made.returncode == 0, made.stdout
        for file in cluster.glob(".s.PGSQL.*"):  # the primary's socket lay among its data
            file.unlink()
        (cluster / "standby.signal").touch()
        follower = PostgresServer(folder, {**settings, "primary_conninfo": to_primary})
        follower.start()
        eventually_sync(lambda: _follows(primary, name))
        yield follower
    finally:
        end_folder(folder)


def promote(follower: PostgresServer) -> None:
    """Returns when it takes writes."""
    follower.query("SELECT pg_promote()")
    eventually_sync(lambda: follower.query("SELECT NOT pg_is_in_recovery()")[0][0])


def url_of_any(*servers: PostgresServer) -> str:
    """rowlock's address with all these hosts: whichever takes writes is connected to."""
    places = [conninfo_to_dict(server.url) for server in servers]
    hosts = ",".join(str(place["host"]) for place in places)
    ports = ",".join(str(place["port"]) for place in places)
    return f"postgresql://{ROLE}@/{DATABASE}?host={hosts}&port={ports}&target_session_attrs=read-write"


def _conninfo(primary: PostgresServer, name: str) -> str:
    place = conninfo_to_dict(primary.admin_url)
    return make_conninfo(host=place["host"], port=place["port"], user=place["user"], application_name=name)


def _follows(primary: PostgresServer, name: str) -> bool:
    rows = primary.query(
        "SELECT count(*) FROM pg_stat_replication WHERE application_name = %s AND state = 'streaming'", name
    )
    return bool(rows[0][0])
