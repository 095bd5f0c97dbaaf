"""A history read back: each question with its answer, and what the questions say about tasks and leases.

Nothing is judged here. A question without an answer is unknown, for its process was killed or cut off.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

import orjson
from tests.harness.history.events import Event, Phase, Said


@dataclass(frozen=True, slots=True)
class Call:
    """A question and what became of it."""

    process: str
    operation: str
    asked: Said
    phase: Phase
    answer: Said
    evidence: tuple[str, ...] = field(repr=False, default=())

    @property
    def ok(self) -> bool:
        return self.phase is Phase.OK

    @property
    def may_have_happened(self) -> bool:
        return self.phase is not Phase.FAIL


@dataclass(frozen=True, slots=True)
class Ask:
    """One task of an `enqueue`. `answered_id` is the task that the caller was told, once it was told one."""

    call: Call
    tenant: str
    id: str | None
    queue: str
    name: str
    key: str | None
    key_seconds: float
    request: str | None
    waits: bool
    answered_id: str | None
    created: bool

    @property
    def may_be_stored_as(self) -> str | None:
        """The id under which this may have made a task."""
        if self.call.ok:
            return self.answered_id
        return self.id if self.call.may_have_happened else None


@dataclass(frozen=True, slots=True)
class Lease:
    """One lease that a worker was granted. It ran out at `until`, unless it was renewed."""

    call: Call
    task: str
    token: int
    tenant: str
    queue: str
    lane: str
    attempt: int
    max_attempts: int
    worker: int
    started_at: int
    granted_by: int | None
    capped: bool
    until: int

    @property
    def process(self) -> str:
        return self.call.process


class Heard(StrEnum):
    """What a worker was told of its word about an attempt."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    NOTHING_DONE = "nothing_done"


@dataclass(frozen=True, slots=True)
class Word:
    """How an attempt ended, as its worker said it."""

    call: Call
    way: str
    task: str
    token: int
    result: str | None
    heard: Heard

    @property
    def may_count(self) -> bool:
        return self.heard in (Heard.ACCEPTED, Heard.UNKNOWN)


@dataclass(frozen=True, slots=True)
class HandlerRun:
    """One call of a handler."""

    call: Call
    task: str
    token: int


@dataclass(frozen=True, slots=True)
class Keeping:
    """Progress or a step that was kept under a lease, in an instant from `since` on."""

    call: Call
    task: str
    token: int
    since: int | None


@dataclass(frozen=True, slots=True)
class Renewal:
    """A lease that was, or where its call was not answered may have been, renewed to last until `until` at least."""

    call: Call
    task: str
    token: int
    since: int | None
    by: int | None
    until: int | None


class History:
    """All that was asked and answered, in order within each process."""

    def __init__(self, calls: Iterable[Call]) -> None:
        self.calls = tuple(calls)

    def of(self, *operations: str) -> Iterator[Call]:
        return (call for call in self.calls if call.operation in operations)

    @cached_property
    def asks(self) -> tuple[Ask, ...]:
        return tuple(ask for call in self.of("enqueue") for ask in _asks(call))

    @cached_property
    def leases(self) -> tuple[Lease, ...]:
        return tuple(_lease(call, said) for call in self.of("claim") if call.ok for said in call.answer["leases"])

    @cached_property
    def words(self) -> tuple[Word, ...]:
        return tuple(_word(call, said) for call in self.of("finish") for said in call.asked["attempts"])

    @cached_property
    def runs(self) -> tuple[HandlerRun, ...]:
        return tuple(HandlerRun(call, call.asked["task"], call.asked["token"]) for call in self.of("run"))

    @cached_property
    def keepings(self) -> tuple[Keeping, ...]:
        return tuple(
            Keeping(call, call.asked["task"], call.asked["token"], call.asked["since"])
            for call in self.of("progress", "step")
            if call.ok
        )

    @cached_property
    def renewals(self) -> tuple[Renewal, ...]:
        calls = (call for call in self.of("renew") if call.may_have_happened)
        return tuple(renewal for call in calls for renewal in _renewals(call))


def history_of(events: Iterable[Event]) -> History:
    """Pairs invocations with their answers. Raises `ValueError` for an answer to what was never asked."""
    asked: dict[tuple[str, int], Event] = {}
    answers: dict[tuple[str, int], Event] = {}
    for event in events:
        key = (event.process, event.call)
        if event.phase is Phase.INVOKE:
            asked[key] = event
        elif key not in asked or key in answers:
            raise ValueError(f"This answers nothing that was asked: {line_of(event)}")
        else:
            answers[key] = event
    return History(_call(invocation, answers.get(key)) for key, invocation in asked.items())


def line_of(event: Event) -> str:
    """The event as evidence: where it is written, and what it says."""
    return f"{event.place} {event.phase} {event.operation} {orjson.dumps(event.said).decode()}"


def _call(asked: Event, answer: Event | None) -> Call:
    evidence = (line_of(asked),) if answer is None else (line_of(asked), line_of(answer))
    phase = Phase.UNKNOWN if answer is None else answer.phase
    return Call(asked.process, asked.operation, asked.said, phase, answer.said if answer else {}, evidence)


def _asks(call: Call) -> Iterator[Ask]:
    tasks = call.asked["tasks"]
    answers = call.answer["tasks"] if call.ok else [{"id": None, "created": False}] * len(tasks)
    for task, answer in zip(tasks, answers, strict=True):
        yield Ask(call, call.asked["tenant"], **task, answered_id=answer["id"], created=answer["created"])


def _lease(call: Call, said: Said) -> Lease:
    return Lease(
        call=call,
        task=said["task"],
        token=said["token"],
        tenant=said["tenant"],
        queue=said["queue"],
        lane=said["lane"],
        attempt=said["attempt"],
        max_attempts=said["max_attempts"],
        worker=call.asked["worker"],
        started_at=said["started_at"],
        granted_by=call.answer["by"],
        capped=call.asked["capped"],
        until=said["started_at"] + _microseconds(call.asked["lease_seconds"]),
    )


def _word(call: Call, said: Said) -> Word:
    if call.ok:
        heard = Heard.ACCEPTED if said["token"] in call.answer["accepted"] else Heard.REFUSED
    else:
        heard = Heard.UNKNOWN if call.may_have_happened else Heard.NOTHING_DONE
    return Word(call, call.asked["way"], said["task"], said["token"], said.get("result"), heard)


def _renewals(call: Call) -> Iterator[Renewal]:
    since = call.asked["since"]
    until = None if since is None else since + _microseconds(call.asked["lease_seconds"])
    for said in call.asked["attempts"]:
        if not call.ok or said["token"] in call.answer["renewed"]:
            yield Renewal(call, said["task"], said["token"], since, call.answer.get("by"), until)


def _microseconds(seconds: float) -> int:
    return round(seconds * 1_000_000)
