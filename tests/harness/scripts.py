"""Several statements of SQL at once."""

from __future__ import annotations

from rowlock.store.links import Link


async def run_script(link: Link, script: str) -> None:
    """Runs them in one transaction, outside the protocol that takes parameters."""
    await link.connection.execute(script.encode(), prepare=False)
