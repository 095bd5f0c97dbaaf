"""As root: what is opened for PostgreSQL's account is the way to its files, and nothing else."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from rowlock.domain.errors import ConfigurationError
from rowlock.store.embedded_account import Account, account_for, give, open_tree, open_way_to
from rowlock.store.embedded_socket import choose_socket_folder, short_folder

STRANGER = Account(uid=60_001, gid=60_001)


@pytest.fixture
def closed() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="rowlock-account-") as name:
        yield Path(name).resolve()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_way_is_opened_for_searching_only_and_only_where_needed(closed: Path) -> None:
    target = closed / "open" / "cluster"
    target.mkdir(parents=True, mode=0o700)
    (closed / "open").chmod(0o755)
    above = {folder: mode(folder) for folder in closed.parents}
    open_way_to(target, STRANGER)
    assert mode(closed) == 0o701
    assert mode(closed / "open") == 0o755
    assert mode(target) == 0o700
    assert {folder: mode(folder) for folder in closed.parents} == above


def test_nothing_is_opened_for_ourselves(closed: Path) -> None:
    open_way_to(closed / "cluster", None)
    open_tree(closed, None)
    assert mode(closed) == 0o700


def test_binaries_closed_by_a_strict_umask_become_readable(closed: Path) -> None:
    (closed / "bin").mkdir(mode=0o700)
    program, text = closed / "bin" / "initdb", closed / "bin" / "postgres.bki"
    for path, bits in ((program, 0o700), (text, 0o600)):
        path.write_text("")
        path.chmod(bits)
    open_tree(closed, STRANGER)
    assert [mode(path) for path in (closed, closed / "bin", program, text)] == [
        0o705, 0o705, 0o705, 0o604,
    ]  # fmt: skip


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands PostgreSQL over to an account")
def test_root_uses_an_account_and_keeps_the_owner_of_an_existing_cluster(closed: Path) -> None:
    cluster = closed / "postgres"
    fresh = account_for(cluster)
    assert fresh is not None
    assert fresh.uid != 0
    cluster.mkdir()
    give(cluster, STRANGER)
    assert account_for(cluster) == STRANGER
    assert STRANGER.name == "uid 60001"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a folder somebody else's")
@pytest.mark.parametrize("kind", ["folder", "link"])
def test_a_short_folder_of_somebody_else_is_refused(closed: Path, kind: str) -> None:
    cluster = closed / ("long" * 40)
    short = short_folder(cluster)
    if kind == "folder":
        short.mkdir()
        give(short, STRANGER)
    else:
        short.symlink_to(closed)
    try:
        with pytest.raises(ConfigurationError, match="belongs to somebody else"):
            choose_socket_folder(cluster, None)
    finally:
        short.rmdir() if kind == "folder" else short.unlink()
