"""What befalls a history: drawn from its seed alone, so that the seed replays it.

A fault strikes at a step and is mended at a later one. Steps are the acts that the clients have begun, so the plan
keeps its meaning on a slow machine. Every kind comes in its turn: one fault of a history is that which the number of
the seed points at. In half of the histories faults come one at a time, in the others they overlap, though never two on
the same program or on the server.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from tests.harness.nemesis.cast import Role
from tests.harness.nemesis.faults import Fault
from tests.harness.nemesis.workload import Script, write_script

FIRST, LAST = 0.08, 0.85  # the part of a history in which faults strike
SERVER = "server"


@dataclass(frozen=True)
class Size:
    """How much of everything. `acts` are those of each client.

    A fault stays for `longest_seconds` at most where the clients make no steps meanwhile.
    """

    workers: int
    schedulers: int
    acts: int
    cli_acts: int
    batch: int
    faults: tuple[int, int]
    pause_seconds: float
    leases_seconds: tuple[float, ...]
    longest_seconds: float


FULL = Size(
    workers=3,
    schedulers=2,
    acts=36,
    cli_acts=4,
    batch=8,
    faults=(6, 9),
    pause_seconds=0.25,
    leases_seconds=(1.5, 2.0, 3.0),
    longest_seconds=3.0,
)
SHORT = Size(
    workers=2,
    schedulers=2,
    acts=9,
    cli_acts=1,
    batch=4,
    faults=(4, 5),
    pause_seconds=0.15,
    leases_seconds=(1.0, 1.5),
    longest_seconds=1.0,
)


@dataclass(frozen=True)
class Strike:
    """One fault: its kind, what it breaks, and the steps at which that is broken and mended."""

    kind: str
    target: str
    at: int
    until: int


@dataclass(frozen=True)
class Plan:
    """One history."""

    seed: int
    size: Size
    lease_seconds: float
    election_seconds: float
    script: Script
    strikes: tuple[Strike, ...]
    disk: str | None
    overlaps: bool


def programs_of(size: Size) -> list[str]:
    """The programs of a history by name; several of a role are numbered."""
    workers = [f"worker {number}" for number in range(1, size.workers + 1)]
    schedulers = [f"scheduler {number}" for number in range(1, size.schedulers + 1)]
    return [*workers, *schedulers, "api", "clients"]


def role_of(program: str) -> Role:
    """What a program of that name does."""
    return cast(Role, program.partition(" ")[0])


def make_plan(seed: int, kinds: Mapping[str, Fault], size: Size) -> Plan:
    """The history of a seed."""
    draw = random.Random(f"plan {seed}")
    script = write_script(
        seed,
        acts=size.acts,
        cli_acts=size.cli_acts,
        batch=size.batch,
        poison=draw.random() < 0.3,
        pause_seconds=size.pause_seconds,
    )
    chosen = _choose(draw, seed, kinds, draw.randint(*size.faults))
    disk = next((fault.disk for fault in chosen if fault.disk), None)
    overlaps = draw.random() < 0.5
    strikes = (_overlapping if overlaps else _in_turn)(draw, chosen, script.steps, size)
    lease_seconds, election_seconds = draw.choice(size.leases_seconds), draw.choice((0.3, 2.0))
    return Plan(seed, size, lease_seconds, election_seconds, script, tuple(strikes), disk, overlaps)


def _choose(draw: random.Random, seed: int, kinds: Mapping[str, Fault], number: int) -> list[Fault]:
    """The kind whose turn it is, and others; at most one that needs a disk."""
    order = sorted(kinds)
    first = kinds[order[seed % len(order)]]
    others = [kinds[kind] for kind in order if kinds[kind].disk is None and kinds[kind] is not first]
    chosen = [first, *draw.sample(others, min(number - 1, len(others)))]
    draw.shuffle(chosen)
    return chosen


def _in_turn(draw: random.Random, chosen: list[Fault], steps: int, size: Size) -> list[Strike]:
    """Each has a slot of its own, in which it begins early and ends before the next."""
    first, last = round(FIRST * steps), round(LAST * steps)
    slot = max(2, (last - first) // len(chosen))
    strikes = []
    for number, fault in enumerate(chosen):
        at = first + number * slot + draw.randint(0, slot // 4)
        strikes.append(Strike(fault.kind, _target(draw, fault, size), at, at + draw.randint(1, max(1, slot // 2))))
    return strikes


def _overlapping(draw: random.Random, chosen: list[Fault], steps: int, size: Size) -> list[Strike]:
    """Anywhere, though what is broken already is not broken again before it is mended."""
    strikes: list[Strike] = []
    for fault in chosen:
        target = _target(draw, fault, size)
        for _ in range(50):
            at = draw.randint(round(FIRST * steps), round(LAST * steps))
            until = at + draw.randint(1, max(2, steps // 8))
            if all(until < other.at or other.until < at for other in strikes if other.target == target):
                strikes.append(Strike(fault.kind, target, at, until))
                break
    return sorted(strikes, key=lambda strike: strike.at)


def _target(draw: random.Random, fault: Fault, size: Size) -> str:
    if not fault.on:
        return SERVER
    role = draw.choice(fault.on)
    return draw.choice([name for name in programs_of(size) if role_of(name) == role])
