"""Who acts where nobody logs in: the account that runs the program, as the audit log has it."""

from __future__ import annotations

import getpass

from rowlock.store.operations import Actor


def acting_account(entrance: str) -> Actor:
    """`cli:<user>` for the entrance `cli`, or `cli` alone where the account has no name, as in containers."""
    try:
        return Actor(f"{entrance}:{getpass.getuser()}")
    except (OSError, KeyError):
        return Actor(entrance)
