"""Two operations meet, for real: two connections, the first stopped at one of its locks, the second let loose on it.

The judge knows no rules of its own. It has seen the two act one after the other, either way round, and for each fate
that is all it allows: what is there afterwards, and what both were told, must be as if they had taken turns. An
operation that passes over what others hold may have done nothing, and said so.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.races import gates
from tests.races.looking import Seen, look
from tests.races.operations import NOTHING, OPERATIONS, Answer, refusal
from tests.races.scenes import SCENES, Scene
from tests.races.stage import Stage

from rowlock.domain.errors import RowlockError
from rowlock.store.links import Link

Stop = int | Literal["before"]  # at the n-th lock that it takes, or in front of the scene's tasks, which a third holds
PATIENCE_SECONDS = 20


class RolledBack(Exception):
    """Ends a transaction that shall not have been."""


@dataclass
class Turns:
    """What was seen after some operations took turns, and what each was told."""

    seen: Seen
    answers: dict[str, Answer] = field(default_factory=dict)
    steps: int = 0

    def of(self, fate: str, kind: str, missed: dict[str, Answer] | None = None) -> tuple[Any, ...]:
        """What of it concerns one fate."""
        told = {**self.answers, **(missed or {})}

        def of_it(known: dict[str, Any]) -> dict[str, Any]:
            return {word: it for word, it in known.items() if word == "refused" or SCENES[kind].fate(word) == fate}

        return (of_it(self.seen), *(of_it(told[part]) for part in sorted(told)))


@dataclass
class Ring:
    """The connections of some tests: two that meet, one that stops the first, and one that watches."""

    first: Link
    second: Link
    keeper: Link
    watch: Link
    stage: Stage
    turns: dict[tuple[str, ...], Turns] = field(default_factory=dict)
    racing: bool = False

    async def close(self) -> None:
        for link in (self.first, self.second, self.keeper, self.watch):
            await link.close()

    async def in_turn(self, kind: str, **acts: str) -> Turns:
        """Sets the scene and lets the operations act one after the other, in the order given."""
        key = (kind, *(f"{part} {act}" for part, act in acts.items()))
        if key not in self.turns:
            self.racing = True
            scene = await self.stage.set(kind)
            await gates.close_gate(self.keeper, self.first, step=gates.NEVER)
            answers = {part: await _answer(self.first, act, scene, part) for part, act in acts.items()}
            steps = await gates.steps_taken(self.first)
            await gates.open_gate(self.keeper)
            self.turns[key] = Turns(await look(self.watch, scene), answers, steps)
            self.racing = False
        return self.turns[key]

    async def race(self, kind: str, first: str, second: str, stop: Stop, *, commit: bool = True) -> Turns:
        """Lets them meet: the second comes while the first stands where it was stopped."""
        self.racing = True
        scene = await self.stage.set(kind)
        arrived, go_on = asyncio.Event(), asyncio.Event()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self._hold_up(scene, stop)
            with gates.told_at_gate(self.first, arrived):
                one = asyncio.create_task(self._first(first, scene, arrived, go_on, commit=commit))
                if stop == "before":
                    await gates.ended_or_waiting(arrived.is_set, self.first, self.watch)
                else:
                    await arrived.wait()
            two = asyncio.create_task(_answer(self.second, second, scene, "second"))
            await gates.ended_or_waiting(two.done, self.second, self.watch)
            await self._let_go(stop)
            go_on.set()
            answers = {"first": await one, "second": await two}
        met = Turns(await look(self.watch, scene), answers)
        self.racing = False
        return met

    async def _hold_up(self, scene: Scene, stop: Stop) -> None:
        if stop == "before":
            await self.keeper.query("BEGIN")
            await self.keeper.query(
                "SELECT FROM rowlock.tasks WHERE tenant_id = %(tenant)s FOR UPDATE", {"tenant": scene.tenant}
            )
        else:
            await gates.close_gate(self.keeper, self.first, step=stop)

    async def _let_go(self, stop: Stop) -> None:
        if stop == "before":
            await self.keeper.query("COMMIT")
        else:
            await gates.open_gate(self.keeper)

    async def _first(
        self, act: str, scene: Scene, arrived: asyncio.Event, go_on: asyncio.Event, *, commit: bool
    ) -> Answer:
        answer = NOTHING
        try:
            async with self.first.transaction():
                try:
                    answer = await OPERATIONS[act].act(self.first, scene, "first")
                finally:
                    arrived.set()
                await go_on.wait()
                if not commit:
                    raise RolledBack
        except RolledBack:
            return NOTHING
        except RowlockError as error:
            return refusal(type(error).__name__) if commit else NOTHING
        return answer


async def _answer(link: Link, act: str, scene: Scene, part: str) -> Answer:
    try:
        return await OPERATIONS[act].act(link, scene, part)
    except RowlockError as error:
        return refusal(type(error).__name__)


async def complaints(ring: Ring, kind: str, first: str, second: str, stop: Stop, *, commit: bool = True) -> list[str]:
    """Races them; a sentence for each fate that is as no taking of turns could have left it."""
    allowed = await _allowed(ring, kind, first, second, commit=commit)
    came = await ring.race(kind, first, second, stop, commit=commit)
    met = [came, *(turns for turns, _ in allowed)]
    words = {word for turns in met for known in (turns.seen, *turns.answers.values()) for word in known}
    how = f"{first}, stopped at {stop}{'' if commit else ' and rolled back'}, and {second}"
    return [
        f"{how}: {fate} is\n  {came.of(fate, kind)}"
        + "".join(f"\n  not {turns.of(fate, kind, missed)}" for turns, missed in allowed)
        for fate in sorted({SCENES[kind].fate(word) for word in words - {"refused"}})
        if came.of(fate, kind) not in [turns.of(fate, kind, missed) for turns, missed in allowed]
    ]


async def _allowed(
    ring: Ring, kind: str, first: str, second: str, *, commit: bool
) -> list[tuple[Turns, dict[str, Answer]]]:
    """All that may come of it, each with what was said by those who missed their turn."""
    missed = {"first": OPERATIONS[first].missed if commit else NOTHING, "second": OPERATIONS[second].missed}
    ways = [(await ring.in_turn(kind, second=second), {"first": missed["first"]})]
    if commit:
        ways += [
            (await ring.in_turn(kind, first=first, second=second), {}),
            (await ring.in_turn(kind, second=second, first=first), {}),
            (await ring.in_turn(kind, first=first), {"second": missed["second"]}),
        ]
    ways.append((await ring.in_turn(kind), missed))
    return [(turns, said) for turns, said in ways if None not in said.values()]
