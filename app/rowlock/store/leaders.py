"""Who leads: an advisory lock decides, and the row in `leaders` carries the epoch that fences what the leader writes.

All of it but `get_leader` runs on the candidate's own connection, for the lock lives as long as that does.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rowlock.domain.errors import ConfigurationError
from rowlock.store.links import Link, Runner, is_pooled


@dataclass(frozen=True, slots=True)
class LeaderRecord:
    """The process that leads, or led last. Times are the database's."""

    holder: str
    epoch: int
    elected_at: datetime
    renewed_at: datetime
    read_at: datetime

    @property
    def silent_seconds(self) -> float:
        """How long ago it last said that it leads."""
        return (self.read_at - self.renewed_at).total_seconds()


async def prepare_session(link: Link, *, silence_seconds: float) -> int:
    """Lets PostgreSQL end the session when it has said nothing for so long; its backend's process id.

    Raises `ConfigurationError` behind a pooler, which would hand the lock to other clients.
    """
    silence = str(max(1, round(silence_seconds * 1000)))
    rows = await link.run("prepare_leader_session", {"silence_ms": silence})
    backend_pid = int(rows[0][0])
    require_direct(link, backend_pid)
    return backend_pid


def require_direct(link: Link, backend_pid: int) -> None:
    """Raises `ConfigurationError` where a pooler stands between this process and PostgreSQL."""
    if is_pooled(link.connection, backend_pid):
        raise ConfigurationError(
            "A pooler such as PgBouncer stands between rowlock and PostgreSQL, and session locks and settings do not "
            "survive it. Give the scheduler and `rowlock maintain` a ROWLOCK_DATABASE_URL that leads straight to "
            "PostgreSQL; workers and the API may keep the pooler's."
        )


async def try_lock(link: Link, role: str) -> bool:
    """Whether this session now holds the role's lock. Ask only while it does not: the lock counts."""
    rows = await link.run("try_leader_lock", {"lock": f"{link.schema}:{role}"})
    return bool(rows[0][0])


async def release_lock(link: Link, role: str) -> None:
    """Gives the role's lock back at once; a session that ends without it does so too, a moment later."""
    await link.run("release_leader_lock", {"lock": f"{link.schema}:{role}"})


async def end_former_writes(link: Link) -> int:
    """Ends the former leader's statements that wait for a reply to be taken; how many. Ask with the lock in hand."""
    return int((await link.run("end_former_writes"))[0][0])


async def take_leadership(link: Link, role: str, holder: str) -> int:
    """Opens a new epoch for the holder of the lock, and returns it."""
    rows = await link.run("take_leadership", {"role": role, "holder": holder})
    return int(rows[0][0])


async def renew_leadership(link: Link, role: str, epoch: int) -> int | None:
    """Says that the leader still leads; the backend that heard it, or None where another was elected."""
    rows = await link.run("renew_leadership", {"role": role, "epoch": epoch})
    return int(rows[0][1]) if rows else None


async def get_leader(runner: Runner, role: str = "scheduler") -> LeaderRecord | None:
    """Who leads or led last; None before the first election."""
    rows = await runner.run("get_leader", {"role": role})
    return LeaderRecord(*rows[0]) if rows else None
