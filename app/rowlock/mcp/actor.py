"""Who acts, as the audit log has it: the account that runs the server, for the model behind it has no name."""

from __future__ import annotations

import getpass

from rowlock.engine.operate import Actor


def acting_account() -> Actor:
    """`mcp:<user>`, or `mcp` alone where the account has no name, as in containers."""
    try:
        return Actor(f"mcp:{getpass.getuser()}")
    except (OSError, KeyError):
        return Actor("mcp")
