"""One leads, the others stand by; whoever loses connection, lock or epoch leads no more."""

from __future__ import annotations

import asyncio

import pytest
from tests.harness.eventually import eventually
from tests.harness.installation import Installation, settings_for
from tests.harness.pooler import pooler

from rowlock.domain.errors import ConfigurationError, DatabaseUnavailable, NotLeader, OutcomeUnknown
from rowlock.engine import elect
from rowlock.engine.elect import Candidate
from rowlock.engine.retain import maintain
from rowlock.store.database import Database
from rowlock.store.leaders import get_leader, take_leadership


def candidate(here: Installation, holder: str, **options: float) -> Candidate:
    return Candidate(here.database, holder=holder, poll_seconds=options.pop("poll_seconds", 2), **options)


async def end_sessions(here: Installation) -> None:
    """Ends the candidates' connections, as a failing network would."""
    await here.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name LIKE '%% scheduler'"
    )


async def test_one_candidate_is_elected_and_the_next_when_it_steps_down(here: Installation) -> None:
    one, other = candidate(here, "one"), candidate(here, "other")
    assert await one.stand() == 1
    assert await other.stand() is None
    await one.renew()
    leader = await get_leader(here.database)
    assert leader is not None
    assert (leader.holder, leader.epoch) == ("one", 1)
    await one.step_down()
    assert await eventually(other.stand) == 2
    with pytest.raises(NotLeader):
        await one.renew()
    await other.step_down()


async def test_of_many_at_once_one_is_elected(here: Installation) -> None:
    candidates = [candidate(here, f"c{n}") for n in range(8)]
    epochs = await asyncio.gather(*(c.stand() for c in candidates))
    assert [epoch for epoch in epochs if epoch is not None] == [1]
    await asyncio.gather(*(c.step_down() for c in candidates))


async def test_losing_the_connection_is_losing_the_lead(here: Installation) -> None:
    one, other = candidate(here, "one"), candidate(here, "other")
    await one.stand()
    await end_sessions(here)
    with pytest.raises(NotLeader):
        await one.renew()
    assert one.epoch is None
    assert await eventually(other.stand) == 2
    assert await one.stand() is None
    await one.step_down()
    await other.step_down()


async def test_another_epoch_ends_the_lead(here: Installation) -> None:
    """As after a failover of PostgreSQL in which two servers gave the same lock away."""
    one = candidate(here, "one")
    await one.stand()
    await here.database.run("take_leadership", {"role": "scheduler", "holder": "usurper"})
    with pytest.raises(NotLeader):
        await one.renew()
    assert await one.stand() == 3
    await one.step_down()


async def test_a_leader_that_falls_silent_loses_its_session(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL itself ends it, so a frozen host cannot keep the lock."""
    monkeypatch.setattr(elect, "LEAST_SILENCE_SECONDS", 0.3)
    silent, other = candidate(here, "silent", poll_seconds=0.1), candidate(here, "other", poll_seconds=0.1)
    await silent.stand()
    assert await other.stand() is None
    assert await eventually(other.stand) == 2
    with pytest.raises(NotLeader):
        await silent.renew()
    await other.step_down()


async def test_a_standby_whose_connection_was_cut_stands_again(here: Installation) -> None:
    one, other = candidate(here, "one"), candidate(here, "other")
    await one.stand()
    assert await other.stand() is None
    await end_sessions(here)
    with pytest.raises((DatabaseUnavailable, OutcomeUnknown)):
        await other.stand()
    assert await eventually(other.stand) == 2
    await one.step_down()
    await other.step_down()


async def test_each_role_has_its_own_leader(here: Installation) -> None:
    one, another = candidate(here, "one"), Candidate(here.database, role="other", poll_seconds=2)
    assert await one.stand() == 1
    assert await another.stand() == 1
    await one.step_down()
    await another.step_down()


async def test_a_pooler_before_the_lock_is_refused_in_a_sentence(database_url: str) -> None:
    async with pooler(database_url) as url, Database(settings_for(url)) as pooled:
        with pytest.raises(ConfigurationError, match="straight to PostgreSQL"):
            await Candidate(pooled, poll_seconds=2).stand()
        with pytest.raises(ConfigurationError, match="straight to PostgreSQL"):
            await maintain(pooled)


async def test_a_write_of_the_leader_lets_it_renew_and_lets_nobody_take_over(here: Installation) -> None:
    one = candidate(here, "one")
    epoch = await one.stand()
    async with here.database.link() as writing, writing.transaction():
        [(leads,)] = await writing.query("SELECT rowlock.holds_epoch('scheduler', %(epoch)s)", {"epoch": epoch})
        assert leads
        await one.renew()
        async with here.database.link() as other, other.transaction():
            await other.query("SET LOCAL lock_timeout = '50ms'")
            with pytest.raises(DatabaseUnavailable, match="could not be had in time"):
                await take_leadership(other, "scheduler", "usurper")
    await one.renew()
    await one.step_down()
