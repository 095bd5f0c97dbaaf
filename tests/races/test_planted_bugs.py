"""The judge can tell: a statement that decides by what it read, and not by the row that it has locked, is found out."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from tests.races.race import Ring, complaints

from rowlock.store import links
from rowlock.store.statements import statement


@dataclass(frozen=True)
class Bug:
    """A change of one statement's text, and the meeting that brings it to light."""

    statement: str
    sound: str
    planted: str
    scene: str
    first: str
    second: str


def seen(condition: str, kind: str = "task") -> str:
    """The condition, asked of the row as it was when the statement began."""
    return f"AND EXISTS (SELECT FROM rowlock.{kind}s AS seen WHERE seen.id = {kind}.id AND seen.{condition})"


TOKENS = "lease_token = ANY (%(lease_tokens)s::bigint[])"
FENCE = "AND (task.lease_token IN (SELECT unnest(%(lease_tokens)s::bigint[]))) IS TRUE"
CURSOR = "cursor_at = decided.seen_at"
FREE = "AND schedule.paused_at IS NULL\n       FOR NO KEY UPDATE OF schedule"
BUGS = {
    "complete": Bug("complete", FENCE, seen(TOKENS), "expired", "claim", "complete"),
    "release": Bug("release", FENCE, seen(TOKENS), "held", "retry", "release"),
    "change": Bug(
        "change_task", "AND task.status = 'pending'", seen("status = 'pending'"), "waiting", "claim", "change"
    ),
    "cap": Bug("lock_lane", "pg_advisory_xact_lock", "abs", "idle lane", "claim_capped", "claim_capped"),
    "cursor": Bug(
        "fire_windows",
        f"AND schedule.{CURSOR} {FREE} SKIP LOCKED",
        f"{seen(CURSOR, 'schedule')} {FREE}",
        "scheduled",
        "fire",
        "fire",
    ),
    "keys": Bug("forget_keys", "FOR UPDATE SKIP LOCKED", "", "free", "use_spent_key_anew", "forget_keys"),
}


@pytest.mark.parametrize("name", BUGS)
async def test_a_planted_bug_is_found(ring: Ring, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    bug = BUGS[name]
    sound = statement(bug.statement)
    assert sound.count(bug.sound) == 1

    def planted(wanted: str, schema: str = "rowlock") -> str:
        return sound.replace(bug.sound, bug.planted) if wanted == bug.statement else statement(wanted, schema)

    monkeypatch.setattr(links, "statement", planted)
    steps = (await ring.in_turn(bug.scene, first=bug.first)).steps
    found = [await complaints(ring, bug.scene, bug.first, bug.second, stop) for stop in range(1, steps + 2)]
    assert any(found)
