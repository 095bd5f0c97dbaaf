"""What the clients of a history are to do, all of it drawn from the seed.

A script is a list of acts for each client. An act enqueues tasks, in one way or another, or does something to a task of
an earlier act of the same client. Ids are drawn too, so that a client knows what it asked for whatever it hears.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from rowlock.domain.ids import new_id

TENANTS = ("default", "other")
CAPPED_FLOW = "narrow"
CAP = 2
CLIENTS = ("python", "rest", "sql", "transactions", "threads", "cli")
Client = Literal["python", "rest", "sql", "transactions", "threads", "cli"]
Kind = Literal["enqueue", "roll back", "repeat", "contradict", "cancel", "redrive", "peek"]

# Payloads beside the mark, and how often a handler is asked for.
TEMPERS: dict[str, tuple[int, dict[str, Any]]] = {
    "quick": (40, {}),
    "answering": (10, {}),
    "slow": (14, {"seconds": 0.3}),
    "long": (2, {"seconds": 2.5}),
    "threaded": (3, {"seconds": 0.4}),
    "stepping": (6, {"seconds": 0.15}),
    "failing": (6, {}),
    "retrying": (8, {"failures": 2}),
    "giving-up": (3, {}),
    "snoozing": (4, {}),
    "timing-out": (2, {}),
    "parent": (4, {}),
}
MORTAL = ("failing", "giving-up", "timing-out")


@dataclass(frozen=True)
class Asked:
    """A task that is to be enqueued. `options` are those of `task_request` that have a value."""

    id: UUID
    name: str
    payload: dict[str, Any]
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Act:
    """One thing that a client does. `on` is the number of the act whose first task it is done to."""

    kind: Kind
    tenant: str
    tasks: tuple[Asked, ...] = ()
    on: int | None = None


@dataclass(frozen=True)
class Script:
    """Acts by client. `pause_seconds` keeps a client from being done before the first fault has struck."""

    acts: dict[str, tuple[Act, ...]]
    pause_seconds: float

    @property
    def steps(self) -> int:
        return sum(map(len, self.acts.values()))

    @property
    def tasks(self) -> int:
        return sum(len(act.tasks) for acts in self.acts.values() for act in acts if act.kind == "enqueue")


def write_script(seed: int, *, acts: int, cli_acts: int, batch: int, poison: bool, pause_seconds: float) -> Script:
    """`acts` for each client but the command line, whose programs are slow to start; up to `batch` tasks each."""
    draw = random.Random(f"script {seed}")
    script = {client: tuple(_acts(draw, client, cli_acts if client == "cli" else acts, batch)) for client in CLIENTS}
    if poison:
        place = draw.randrange(len(script["python"]))
        poisoned = Act("enqueue", TENANTS[0], (_asked(draw, "poison", {}, "poison"),))
        script["python"] = (*script["python"][:place], poisoned, *script["python"][place + 1 :])
    return Script(script, pause_seconds)


def _acts(draw: random.Random, client: str, number: int, batch: int) -> list[Act]:
    made: list[Act] = []
    for place in range(number):
        tenant = draw.choice(TENANTS)
        size = 1 if client == "cli" else draw.choice((1, 1, batch // 2, batch))
        tasks = tuple(_task(draw, f"{client} {place}.{n}", single=size == 1) for n in range(size))
        earlier = [n for n, act in enumerate(made) if act.kind == "enqueue"]
        chance = draw.random()
        keyed = [n for n in earlier if len(made[n].tasks) == 1 and "idempotency_key" in made[n].tasks[0].options]
        if client == "transactions" and chance < 0.25:
            made.append(Act("roll back", tenant, tasks))
        elif chance < 0.08 and keyed:
            made.append(_again(draw, made, draw.choice(keyed)))
        elif chance < 0.27 and earlier and client in ("python", "rest", "sql", "cli"):
            made.append(_done_to(draw, made, earlier))
        else:
            made.append(Act("enqueue", tenant, tasks))
    return made


def _done_to(draw: random.Random, made: list[Act], earlier: list[int]) -> Act:
    """A redrive of an earlier task that may have died, a cancellation, or a look at it by the other tenant."""
    mortal = [n for n in earlier if made[n].tasks[0].name in MORTAL]
    kind: Kind = draw.choice(("cancel", "peek", "redrive")) if mortal else draw.choice(("cancel", "peek"))
    on = draw.choice(mortal if kind == "redrive" else earlier)
    owner = made[on].tenant
    tenant = next(tenant for tenant in TENANTS if tenant != owner) if kind == "peek" else owner
    return Act(kind, tenant, on=on)


def _again(draw: random.Random, made: list[Act], on: int) -> Act:
    """The same request under the same key, or another one, which must be refused."""
    before = made[on].tasks[0]
    if draw.random() < 0.7:
        return Act("repeat", made[on].tenant, (Asked(_id(draw), before.name, before.payload, before.options),), on)
    payload = {**before.payload, "mark": f"not {before.payload['mark']}"}
    return Act("contradict", made[on].tenant, (Asked(_id(draw), before.name, payload, before.options),), on)


def _task(draw: random.Random, mark: str, *, single: bool) -> Asked:
    name = draw.choices(list(TEMPERS), [often for often, _ in TEMPERS.values()])[0]
    options: dict[str, Any] = {"queue": "side"} if name == "answering" else {}
    if draw.random() < 0.15:
        options["delay"] = draw.choice((0.2, 1.0, 2.0))
    if draw.random() < 0.15:
        options["priority"] = draw.choice(("critical", "high", "low"))
    if name in ("quick", "slow") and draw.random() < 0.2:
        options["flow_key"] = CAPPED_FLOW
    if single and draw.random() < 0.35:
        options["idempotency_key"] = f"key of {mark}"
    elif single and draw.random() < 0.15:
        options["unique_key"] = draw.choice(("red", "blue"))
        options["on_duplicate"] = draw.choice(("skip", "refuse"))
    return _asked(draw, name, options, mark)


def _asked(draw: random.Random, name: str, options: dict[str, Any], mark: str) -> Asked:
    return Asked(_id(draw), name, {"mark": mark, **TEMPERS.get(name, (0, {}))[1]}, options)


def _id(draw: random.Random) -> UUID:
    """A UUIDv7 of this moment whose random part comes from the seed."""
    now = new_id().int >> 80
    return UUID(int=now << 80 | 7 << 76 | draw.getrandbits(12) << 64 | 2 << 62 | draw.getrandbits(62))
