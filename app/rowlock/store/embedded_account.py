"""Which system account the embedded PostgreSQL runs as, and what that account must be able to
reach.

PostgreSQL refuses to run as root. Started by root it therefore runs as an account of its own, made
when it is missing; a cluster that already belongs to somebody keeps its owner. Started by anybody
else it runs as that user, and nothing here changes a permission. What is opened for the account is
only the right to search the folders on the way (`o+x`): nobody can list or read anything more
through it. What cannot be opened is a `ConfigurationError` that names the folder.
"""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from rowlock.domain.errors import ConfigurationError

ACCOUNT_NAME = "pgserver"
WAYS_TO_MAKE_AN_ACCOUNT = (
    (
        "useradd",
        "--system",
        "--user-group",
        "--no-create-home",
        "--shell",
        "/bin/false",
        ACCOUNT_NAME,
    ),
    ("adduser", "-S", "-D", "-H", "-s", "/bin/false", ACCOUNT_NAME),  # BusyBox
)


@dataclass(frozen=True, slots=True)
class Account:
    """A system account that is not ours: root hands PostgreSQL over to it."""

    uid: int
    gid: int

    @property
    def name(self) -> str:
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return f"uid {self.uid}"


def account_for(cluster: Path) -> Account | None:
    """The account to run PostgreSQL as; None means the user that we are."""
    if os.geteuid() != 0:
        return None
    if cluster.is_dir() and (owner := cluster.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    entry = _entry(ACCOUNT_NAME) or _made_account() or _entry("postgres")
    if entry is None:
        raise ConfigurationError(
            f"PostgreSQL does not run as root, and the account {ACCOUNT_NAME!r} could not be made: "
            f"create it (`useradd --system {ACCOUNT_NAME}`), run rowlock as another user, "
            "or set ROWLOCK_DATABASE_URL."
        )
    return Account(entry.pw_uid, entry.pw_gid)


def _entry(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _made_account() -> pwd.struct_passwd | None:
    """The account after trying to make it; that another starter made it meanwhile is as good."""
    for command in WAYS_TO_MAKE_AN_ACCOUNT:
        try:
            subprocess.run(command, check=False, capture_output=True, timeout=30, stdin=subprocess.DEVNULL)
        except (FileNotFoundError, subprocess.TimeoutExpired):
            continue
        if entry := _entry(ACCOUNT_NAME):
            return entry
    return None


def give(path: Path, account: Account | None) -> None:
    """Makes the account the owner of `path` itself; a symbolic link is not followed."""
    if account is not None:
        os.chown(path, account.uid, account.gid, follow_symlinks=False)


def give_tree(root: Path, account: Account | None) -> None:
    """Makes the account the owner of a folder that root made or copied, and of all in it."""
    if account is None or root.stat().st_uid == account.uid:
        return
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            give(Path(folder, name), account)
    give(root, account)


def open_way_to(path: Path, account: Account | None) -> None:
    """Lets the account search every folder above `path`, where it cannot already."""
    if account is None:
        return
    for folder in reversed(path.parents):
        status = folder.stat()
        missing = _search_bit(status, account) & ~status.st_mode
        if missing:
            _add_mode(folder, status, missing, account)


def open_tree(root: Path, account: Account | None) -> None:
    """Lets everybody read installed binaries that a strict umask closed; none is private."""
    if (
        account is None
        or not root.is_dir()
        or all(_is_open(path) for path in (root, *root.glob("*"), *root.glob("*/*")))
    ):
        return
    for folder, _, files in os.walk(root):
        for path in (Path(folder), *(Path(folder, name) for name in files)):
            status = path.stat()
            wanted = (status.st_mode & stat.S_IRWXU) >> 6 & ~stat.S_IWOTH
            if missing := wanted & ~status.st_mode:
                _add_mode(path, status, missing, account)


def _is_open(path: Path) -> bool:
    mode = path.stat().st_mode
    wanted = stat.S_IROTH | stat.S_IXOTH if stat.S_ISDIR(mode) else stat.S_IROTH
    return mode & wanted == wanted


def _search_bit(status: os.stat_result, account: Account) -> int:
    """The one bit that decides whether the account may search this folder."""
    if status.st_uid == account.uid:
        return stat.S_IXUSR
    return stat.S_IXGRP if status.st_gid == account.gid else stat.S_IXOTH


def _add_mode(path: Path, status: os.stat_result, missing: int, account: Account) -> None:
    try:
        path.chmod(stat.S_IMODE(status.st_mode) | missing)
    except OSError as error:
        raise ConfigurationError(
            f"PostgreSQL runs as {account.name!r}, which cannot enter {path}, and that cannot be "
            f"opened for it ({error.strerror}): set ROWLOCK_DATA_DIR to a folder it can reach, "
            "or run rowlock as another user."
        ) from error
