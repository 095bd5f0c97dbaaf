"""The cluster that a test's own servers are copied from: made and migrated once, then copied in a moment.

It has a role `rowlock`, which is no superuser and owns the database `rowlock`, so that rowlock runs as it would on a
managed PostgreSQL and the superuser's reserved connections stay free for the test. Segments of the WAL are 1 MiB, so
that a small disk fills soon.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import psycopg

from rowlock.store.databases import with_database
from rowlock.store.embedded import EmbeddedServer
from rowlock.store.embedded_account import account_for, give_tree
from rowlock.store.embedded_binaries import Binaries, find_binaries
from rowlock.store.embedded_lock import exclusively
from rowlock.store.migrate import migrate

VERSION = 18
ROLE = "rowlock"
DATABASE = "rowlock"
SEGMENT_MIB = 1
SMALL = {
    # As durable as a real one; EmbeddedServer's own settings are that already, and these make it small.
    "shared_buffers": "32MB",
    "min_wal_size": f"{2 * SEGMENT_MIB}MB",
}


class ServerTemplate:
    """The template in `folder`, which several programs may share: the first to need it makes it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._cluster = folder / "postgres"
        self._complete = folder / "complete"

    def copy_to(self, folder: Path) -> None:
        """Puts a copy of the cluster into `folder`, ready for a server of that data directory."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with exclusively(self.folder):
            if not self._complete.exists():
                self._make()
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copytree(self._cluster, folder / "postgres", symlinks=True)
        give_tree(folder / "postgres", binaries(self._cluster).account)

    def _make(self) -> None:
        making = self.folder / "making"
        shutil.rmtree(making, ignore_errors=True)
        server = EmbeddedServer(making, version=VERSION, settings={"fsync": "off"})
        server.start()
        try:
            admin = server.url()
            with psycopg.connect(admin, autocommit=True) as connection:
                connection.execute(f"CREATE ROLE {ROLE} LOGIN")
                connection.execute(f"ALTER DATABASE {DATABASE} OWNER TO {ROLE}")
            migrate(url_of_role(admin))
        finally:
            server.stop()
        tools = binaries(server.cluster)
        arguments = ("--wal-segsize", str(SEGMENT_MIB), "-D", str(server.cluster))
        made = tools.run("pg_resetwal", *arguments, folder=server.cluster, timeout_seconds=60)
        assert made.returncode == 0, made.stdout
        server.cluster.rename(self._cluster)
        self._complete.touch()


def binaries(cluster: Path) -> Binaries:
    """PostgreSQL's programs, run as whoever a server of `cluster` runs as."""
    return find_binaries(VERSION, account_for(cluster))


def url_of_role(admin_url: str) -> str:
    """The same server's URL for the role that rowlock connects as."""
    return with_database(admin_url, DATABASE).replace("postgresql://postgres@", f"postgresql://{ROLE}@")
