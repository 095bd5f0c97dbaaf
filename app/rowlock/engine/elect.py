"""Electing the one process that fires schedules.

A candidate asks for a session advisory lock on a connection of its own. Winning opens a new epoch, and every write of
the leader carries it, so one that was paused and wakes up late changes nothing. PostgreSQL itself ends the session of
a leader that stays silent (`silence_seconds`), which bounds how long a frozen host can hold the lock; the winner ends
what the former one had under way and cannot finish. Losing the connection, the lock or the epoch is `NotLeader`.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rowlock.domain.errors import DatabaseUnavailable, NotLeader, RowlockError
from rowlock.domain.trouble import Trouble
from rowlock.store import leaders
from rowlock.store.database import Database
from rowlock.store.leaders import LeaderRecord
from rowlock.store.links import Link
from rowlock.store.reading import Reading

ROLE = "scheduler"
LEAST_SILENCE_SECONDS = 2.0
SILENCE_PER_POLL = 2.5  # with one poll more, a frozen leader is followed within 7 s at default settings


def silence_seconds(poll_seconds: float) -> float:
    """How long a leader may stay silent before PostgreSQL ends its session, and with it the lead."""
    return max(SILENCE_PER_POLL * poll_seconds, LEAST_SILENCE_SECONDS)


def absence_seconds(poll_seconds: float) -> float:
    """How long after its latest sign a leader is taken to lead no more."""
    return 2 * silence_seconds(poll_seconds)


async def leadership(database: Database) -> tuple[bool, LeaderRecord | None]:
    """Whether a scheduler leads, and the one that does, or led last."""
    leader = await leaders.get_leader(Reading(database), ROLE)
    if leader is None:
        return False, None
    return leader.silent_seconds <= absence_seconds(database.settings.election_seconds), leader


def holder_name() -> str:
    """This process as `leaders.holder` names it: host, process id, and a suffix that tells restarts apart."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"


class Candidate:
    """One process that stands for election. Not to be used by two tasks at once."""

    def __init__(self, database: Database, *, poll_seconds: float, role: str = ROLE, holder: str | None = None) -> None:
        self.role = role
        self.holder = holder or holder_name()
        self.epoch: int | None = None
        self.silence_seconds = silence_seconds(poll_seconds)
        self._database = database
        self._link: Link | None = None
        self._backend_pid: int | None = None

    @property
    def renew_seconds(self) -> float:
        """How often the leader should renew: twice as often as its silence could bear."""
        return self.silence_seconds / 4

    async def stand(self) -> int | None:
        """Asks once: the new epoch, or None while another leads.

        Raises `DatabaseUnavailable`, or `ConfigurationError` behind a pooler.
        """
        async with self._dropping_link_on_error():
            link = self._link or await self._connect()
            if not await leaders.try_lock(link, self.role):
                return None
            await leaders.end_former_writes(link)
            self.epoch = await leaders.take_leadership(link, self.role, self.holder)
            return self.epoch

    async def renew(self) -> None:
        """Says that this process still leads; raises `NotLeader` where it does not, and stands no longer."""
        if self._link is None or self.epoch is None:
            raise NotLeader("This process has not been elected.")
        epoch = self.epoch
        try:
            async with self._dropping_link_on_error():
                backend_pid = await leaders.renew_leadership(self._link, self.role, epoch)
        except RowlockError as error:
            raise NotLeader(f"The leadership of epoch {epoch} is lost: {error}") from error
        if backend_pid != self._backend_pid:
            await self.step_down()
            raise NotLeader(f"The leadership of epoch {epoch} is over: another process was elected.")

    async def step_down(self) -> None:
        """Gives the lock up with its connection. Fine to call at any time."""
        link, self._link, self.epoch = self._link, None, None
        if link is not None:
            await link.close()

    async def _connect(self) -> Link:
        self._link = await self._database.own_link(self.role)
        self._backend_pid = await leaders.prepare_session(self._link, silence_seconds=self.silence_seconds)
        return self._link

    @asynccontextmanager
    async def _dropping_link_on_error(self) -> AsyncIterator[None]:
        """After any error it is unknown what the session holds, so the session ends."""
        try:
            async with asyncio.timeout(max(self.silence_seconds, self._database.settings.connect_seconds)):
                yield
        except TimeoutError as error:
            await self.step_down()
            raise DatabaseUnavailable("The database did not answer in time.", trouble=Trouble.UNREACHABLE) from error
        except BaseException:
            await self.step_down()
            raise
