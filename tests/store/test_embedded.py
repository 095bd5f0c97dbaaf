"""The embedded server: started, restarted, adopted, recovered and stopped, wherever its data lies."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from tests.harness.eventually import eventually_sync

from rowlock.domain.errors import ConfigurationError, DatabaseUnavailable
from rowlock.store.databases import connected
from rowlock.store.embedded import EmbeddedServer, running_server_url
from rowlock.store.embedded_postmaster import family_of, running_postmaster
from rowlock.store.embedded_socket import short_folder

SETTINGS = {"fsync": "off", "shared_buffers": "16MB"}
STARTER = """
import sys
from pathlib import Path
from rowlock.store.embedded import EmbeddedServer
server = EmbeddedServer(Path(sys.argv[1]), settings={"fsync": "off", "shared_buffers": "16MB"})
server.start()
print(server.postmaster_pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="rowlock-embedded-") as name:
        yield Path(name).resolve()


@pytest.fixture
def embedded(folder: Path) -> Iterator[EmbeddedServer]:
    server = EmbeddedServer(folder / "data", settings=SETTINGS)
    yield server
    server.stop("immediate")


def starter(data_dir: Path) -> subprocess.Popen[str]:
    """Another program that starts the server, says so, and lives until its stdin ends."""
    command = (sys.executable, "-W", "ignore", "-c", STARTER, str(data_dir))
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)


def write_mark(server: EmbeddedServer) -> None:
    with connected(server.url()) as connection:
        connection.execute("CREATE TABLE mark AS SELECT 42 AS answer")


def read_mark(server: EmbeddedServer) -> int:
    with connected(server.url()) as connection:
        row = connection.execute("SELECT answer FROM mark").fetchone()
        assert row is not None
        return int(row[0])


def test_a_life(embedded: EmbeddedServer) -> None:
    """One server through several stages, because each first start costs a second."""
    assert running_server_url(embedded.data_dir) is None
    assert not embedded.running
    embedded.stop()  # nothing to do is no error

    embedded.start()
    assert embedded.running
    assert running_server_url(embedded.data_dir) == embedded.url()
    with connected(embedded.url()) as connection:
        settings = dict(
            connection.execute(
                "SELECT name, setting FROM pg_settings WHERE name IN"
                " ('listen_addresses', 'data_checksums', 'synchronous_commit', 'jit', 'TimeZone')"
            ).fetchall()
        )
        server = connection.execute("SELECT version(), current_database()").fetchone()
    assert settings == {
        "listen_addresses": "",
        "data_checksums": "on",
        "synchronous_commit": "on",
        "jit": "off",
        "TimeZone": "UTC",
    }
    assert server is not None
    assert server[0].startswith("PostgreSQL 18.")
    assert server[1] == "rowlock"
    assert stat.S_IMODE(embedded.cluster.stat().st_mode) == 0o700
    write_mark(embedded)

    pid = embedded.postmaster_pid
    embedded.start()  # a second time adopts
    assert embedded.postmaster_pid == pid

    postmaster = running_postmaster(embedded.cluster)
    assert postmaster is not None
    family = family_of(postmaster)
    assert len(family) > 3
    embedded.stop()
    assert not embedded.running
    assert embedded.postmaster_pid is None
    assert running_server_url(embedded.data_dir) is None
    assert [one.pid for one in family if alive(one)] == []
    with pytest.raises(DatabaseUnavailable, match="is not running"):
        embedded.url()

    embedded.start()
    assert read_mark(embedded) == 42
    told = subprocess.run(
        f"{embedded.psql_command()} --no-psqlrc -tAc 'TABLE mark'",
        shell=True,
        check=True,
        capture_output=True,
        text=True,
    )
    assert told.stdout.strip() == "42"


def alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_server_outlives_its_killed_starter_and_is_adopted(embedded: EmbeddedServer) -> None:
    with starter(embedded.data_dir) as other:
        assert other.stdout is not None
        pid = int(other.stdout.readline())
        write_mark(embedded)
        os.killpg(other.pid, signal.SIGKILL)
    assert embedded.running
    embedded.start()
    assert embedded.postmaster_pid == pid
    assert read_mark(embedded) == 42


def test_a_killed_server_recovers_though_its_lock_file_is_stale(embedded: EmbeddedServer) -> None:
    embedded.start()
    write_mark(embedded)
    killed = embedded.postmaster_pid
    assert killed is not None
    with psycopg.connect(embedded.url()):  # a backend that outlives its postmaster for a moment
        os.kill(killed, signal.SIGKILL)
        embedded.start()
    assert embedded.postmaster_pid != killed
    assert read_mark(embedded) == 42


def test_a_stale_lock_file_may_name_a_living_stranger(embedded: EmbeddedServer) -> None:
    """After a crash the pid may belong to another program, which must not be taken for the server."""
    embedded.start()
    lock_file = embedded.cluster / "postmaster.pid"
    socket_lock = embedded.cluster / ".s.PGSQL.5432.lock"
    texts = {path: path.read_text().split("\n", 1)[1] for path in (lock_file, socket_lock)}
    owner = embedded.cluster.stat().st_uid
    embedded.stop()
    with subprocess.Popen(("sleep", "600"), user=owner if os.geteuid() == 0 else None) as stranger:
        for path, rest in texts.items():
            path.write_text(f"{stranger.pid}\n{rest}")
            os.chown(path, owner, -1)
        try:
            assert not embedded.running
            embedded.start()
            assert embedded.postmaster_pid != stranger.pid
        finally:
            stranger.kill()


def test_two_programs_may_start_it_at_once(embedded: EmbeddedServer) -> None:
    with starter(embedded.data_dir) as one, starter(embedded.data_dir) as other:
        pids = {program.stdout.readline().strip() for program in (one, other) if program.stdout}
    assert pids == {str(embedded.postmaster_pid)}
    leftovers = [path.name for path in embedded.data_dir.iterdir()]
    assert sorted(leftovers) == ["postgres", "postgres.lock"]


def test_a_path_with_a_space_and_a_quote(folder: Path) -> None:
    server = EmbeddedServer(folder / "it's a project" / "data+1%", settings=SETTINGS)
    try:
        server.start()
        write_mark(server)
        assert read_mark(server) == 42
    finally:
        server.stop("immediate")


def test_a_long_path_puts_the_socket_into_a_private_short_folder(folder: Path) -> None:
    server = EmbeddedServer(folder / ("long" * 30) / "data", settings=SETTINGS)
    short = short_folder(server.cluster)
    try:
        server.start()
        write_mark(server)
        assert (short / ".s.PGSQL.5432").is_socket()
        assert stat.S_IMODE(short.stat().st_mode) == 0o700
        assert short.stat().st_uid == server.cluster.stat().st_uid
    finally:
        server.stop("immediate")
    assert not short.exists()


def test_what_cannot_start_is_told_in_a_sentence(embedded: EmbeddedServer) -> None:
    broken = EmbeddedServer(embedded.data_dir, settings=SETTINGS | {"work_mem": "plenty"})
    with pytest.raises(ConfigurationError, match=r'did not start: .*work_mem.*"plenty"'):
        broken.start()
    with pytest.raises(ConfigurationError, match="was made by PostgreSQL 18"):
        EmbeddedServer(embedded.data_dir, version=16).start()
    with pytest.raises(ConfigurationError, match="cannot be a setting"):
        EmbeddedServer(embedded.data_dir, settings={"a b": "1"}).start()
    with pytest.raises(ConfigurationError, match="No embedded PostgreSQL 9"):
        EmbeddedServer(embedded.data_dir, version=9).start()
    embedded.start()
    assert eventually_sync(lambda: running_server_url(embedded.data_dir)) == embedded.url()


def test_folders_that_cannot_serve_are_refused(folder: Path) -> None:
    (folder / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be used"):
        EmbeddedServer(folder / "file").start()
    (folder / "postgres").mkdir()
    (folder / "postgres" / "notes.txt").write_text("mine")
    with pytest.raises(ConfigurationError, match="is no PostgreSQL cluster"):
        EmbeddedServer(folder).start()
    assert (folder / "postgres" / "notes.txt").read_text() == "mine"
