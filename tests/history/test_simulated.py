"""Whatever a correct system does, and whichever of its answers are lost, the checker finds nothing."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.harness.history.case import OUTCOMES, UNBEGUN
from tests.harness.history.check import check
from tests.harness.history.simulator import FAILED, OK, REPLY_LOST, REQUEST_LOST, TENANT, Heard, Held, Simulator

ACTS = (
    "enqueue", "enqueue_keyed", "claim", "claim_few", "claim_other", "work", "work", "work", "keep", "renew", "cancel",
    "redrive", "read", "vanish", "rescue", "cap", "schedule", "elect", "fire", "time", "time",
)  # fmt: skip
WAYS = ("complete", "complete_with_results", "retry", "snooze", "bury", "acknowledge_cancel", "release", "defer")


class Actors:
    """Clients and workers that do one thing after the other, chosen by chance, and forget nothing they hold."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.system = Simulator()
        self.held: list[Held] = []
        self.worker = 1
        self.epochs = [0]

    def act(self, what: str) -> None:
        getattr(self, what)()

    @property
    def heard(self) -> Heard:
        return self.chance.choice([OK, OK, OK, OK, REPLY_LOST, REQUEST_LOST, FAILED])

    def any_task(self) -> str:
        return self.chance.choice([*self.system.tasks, "task-0"])

    def enqueue(self) -> None:
        self.system.enqueue(
            self.chance.randint(1, 3),
            tenant=self.chance.choice([TENANT, TENANT, "other"]),
            flow=self.chance.choice([None, "few"]),
            max_attempts=self.chance.randint(1, 3),
            chooses_id=self.chance.random() < 0.9,
            heard=self.heard,
        )

    def enqueue_keyed(self) -> None:
        self.system.enqueue(
            key=self.chance.choice("ab"), request=self.chance.choice(["{}", "{}", "[]"]), heard=self.heard
        )

    def claim(self, lane: str = TENANT) -> None:
        worker = self.worker + self.chance.randrange(2)
        length = self.chance.choice([0, 1, 30])
        self.held += self.system.claim(
            worker, self.chance.randint(1, 3), lease_seconds=length, lane=lane, heard=self.heard
        )

    def claim_few(self) -> None:
        self.claim(f"{TENANT}/few")

    def claim_other(self) -> None:
        self.claim("other")

    def work(self) -> None:
        """Says how an attempt ended, and says the same again where the answer was lost."""
        if not self.held:
            return
        held = self.held.pop(self.chance.randrange(len(self.held)))
        way = self.chance.choice(WAYS)
        if way == "retry" and held.attempt >= self.system.tasks[held.task].max_attempts:
            way = "bury"
        result = '{"n": 1}' if way == "complete_with_results" else None
        if way not in UNBEGUN:
            self.system.run(held, ok=way.startswith("complete"), result=result is not None)
        heard = self.heard
        outcome = self.chance.choice(sorted(OUTCOMES[way] - {None}, key=str) or [None])
        self.system.say(held, way, outcome=outcome, result=result, heard=heard)
        if heard is not OK:
            self.system.say(held, way, outcome=outcome, result=result)

    def keep(self) -> None:
        if self.held:
            self.system.keep(self.chance.choice(self.held), self.chance.choice(["progress", "step"]))

    def renew(self) -> None:
        if self.held:
            self.system.renew(
                self.chance.choice(self.held), lease_seconds=self.chance.choice([1, 30]), heard=self.heard
            )

    def cancel(self) -> None:
        self.system.cancel(self.any_task(), heard=self.heard)

    def redrive(self) -> None:
        self.system.redrive(self.any_task(), heard=self.heard)

    def read(self) -> None:
        self.system.read(self.any_task(), self.chance.choice([TENANT, "other"]))

    def vanish(self) -> None:
        self.system.vanish(self.worker)
        self.worker += 2

    def rescue(self) -> None:
        self.system.rescue()

    def cap(self) -> None:
        self.system.cap(f"{TENANT}/few", self.chance.choice([None, 0, 1, 2]), heard=self.heard)

    def schedule(self) -> None:
        if not self.system.schedules:
            self.system.schedule()

    def elect(self) -> None:
        self.epochs.append(self.system.elect(self.heard))

    def fire(self) -> None:
        self.system.fire(self.chance.choice(self.epochs[-2:]), fires=self.chance.random() < 0.8, heard=self.heard)

    def time(self) -> None:
        self.system.pass_time(self.chance.choice([0.001, 1, 40]))


@settings(max_examples=150, deadline=None)
@given(acts=st.lists(st.sampled_from(ACTS), max_size=60), chance=st.randoms(use_true_random=False))
def test_what_a_correct_system_does_is_clean(acts: list[str], chance: Random) -> None:
    actors = Actors(chance)
    for act in acts:
        actors.act(act)
    assert [str(found) for found in check(actors.system.case())] == []


def test_a_long_life_is_clean_and_comes_to_rest() -> None:
    """Hundreds of acts by one seed; then everybody finishes, and nothing is stuck."""
    chance = Random(7)
    actors = Actors(chance)
    for _ in range(1_200):
        actors.act(chance.choice(ACTS))
    system = actors.system
    system.cap(f"{TENANT}/few", None)
    while any(not row.ended for row in system.tasks.values()):
        system.pass_time(40)
        system.rescue()
        for lane in (TENANT, f"{TENANT}/few", "other", "other/few"):
            for held in system.claim(lane=lane, worker=99):
                system.run(held)
                system.say(held, "complete")
    case = system.case(quiesced=True)
    assert [str(found) for found in check(case)] == []
    assert len(case.rows.executions) > 100
    outcomes = {execution.outcome for execution in case.rows.executions}
    assert outcomes == {"succeeded", "failed", "timed_out", "snoozed", "released", "cancelled", "lease_expired"}
