"""Writing how attempts ended: one statement for each way in which they may, for many attempts at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from rowlock.store import leases
from rowlock.store.history import make_room
from rowlock.store.leases import ClaimedTask, FailedAttempt
from rowlock.store.links import Runner

LOCK_TIMEOUT = "100ms"  # for which what a worker says of its attempts waits for rows that somebody else has locked

MOST_CHARACTERS = 2**24  # of results, errors and tracebacks at once: PostgreSQL hangs up on whoever sends 1 GiB


class Way(StrEnum):
    """The statement that writes an outcome. Text, because a plain Enum is hashed in Python, and each outcome is."""

    COMPLETE = "complete"
    COMPLETE_WITH_RESULT = "complete_with_results"
    RETRY = "retry"
    BURY = "bury"
    SNOOZE = "snooze"
    DEFER = "defer"
    CANCEL = "acknowledge_cancel"
    RELEASE = "release"


@dataclass(slots=True)
class Ending:
    """How one attempt ended, waiting to be written."""

    task: ClaimedTask
    way: Way
    outcome: str = "succeeded"
    result: str | None = None
    result_version: int = 1
    said: FailedAttempt | None = None
    in_doubt: bool = False  # whether it may be written, by a statement whose answer was lost


@dataclass(frozen=True, slots=True)
class Hand:
    """What endings are written with: a connection, and how long it waits for what somebody else has locked."""

    runner: Runner
    lock_timeout: str


_WITHOUT_TEXT = frozenset({Way.COMPLETE, Way.RELEASE})
# The status that a task has in the history by then. By the other ways it lives on.
_STATUS = {
    Way.COMPLETE: "succeeded",
    Way.COMPLETE_WITH_RESULT: "succeeded",
    Way.BURY: "dead",
    Way.CANCEL: "cancelled",
}


async def write(
    runner: Runner, way: Way, group: Sequence[Ending], *, worker_id: int, lock_timeout: str | None = None
) -> set[int]:
    """Writes endings of one way, all or none; the tokens that were accepted."""
    ids, tokens = _names(group)
    said = [ending.said for ending in group if ending.said is not None]
    match way:
        case Way.COMPLETE:
            return await leases.complete(runner, ids, tokens, lock_timeout=lock_timeout)
        case Way.COMPLETE_WITH_RESULT:
            results = [ending.result or "null" for ending in group]
            versions = [ending.result_version for ending in group]
            return await leases.complete_with_results(runner, ids, tokens, results, versions, lock_timeout=lock_timeout)
        case Way.RETRY:
            return await leases.retry(runner, said, worker_id=worker_id, lock_timeout=lock_timeout)
        case Way.SNOOZE:
            return await leases.snooze(runner, said, worker_id=worker_id, lock_timeout=lock_timeout)
        case Way.DEFER:
            return await leases.defer(runner, said, lock_timeout=lock_timeout)
        case Way.BURY:
            return await leases.bury(runner, said, lock_timeout=lock_timeout)
        case Way.CANCEL:
            return await leases.acknowledge_cancel(runner, said, lock_timeout=lock_timeout)
        case Way.RELEASE:
            await leases.release(runner, ids, tokens, lock_timeout=lock_timeout)
            return set(tokens)


def grouped(endings: Iterable[Ending]) -> Iterator[tuple[Way, list[Ending]]]:
    """The endings by the statements that write them, none with more text than a statement bears."""
    groups: dict[Way, list[Ending]] = defaultdict(list)
    for ending in endings:
        groups[ending.way].append(ending)
    for way, group in groups.items():
        if way in _WITHOUT_TEXT:
            yield way, group
        else:
            yield from ((way, part) for part in _parts(group))


def _parts(group: list[Ending]) -> Iterator[list[Ending]]:
    lengths = [len(e.result or "") if e.said is None else _characters(e.said) for e in group]
    if sum(lengths) <= MOST_CHARACTERS:
        yield group
        return
    part: list[Ending] = []
    characters = 0
    for ending, length in zip(group, lengths, strict=True):
        if part and characters + length > MOST_CHARACTERS:
            yield part
            part, characters = [], 0
        part.append(ending)
        characters += length
    yield part


def _characters(said: FailedAttempt) -> int:
    return len(said.error or "") + len(said.traceback or "")


async def find_locked(runner: Runner, group: Sequence[Ending]) -> set[int]:
    """Tokens of those whose tasks somebody else has locked."""
    return await leases.find_locked(runner, *_names(group))


async def make_way(hand: Hand, way: Way, group: Sequence[Ending]) -> bool:
    """Moves tasks of the same ids, that ended before, to other days of the history; False where none was in the way."""
    if (status := _STATUS.get(way)) is None:
        return False
    return bool(await make_room(hand.runner, _names(group)[0], status, lock_timeout=hand.lock_timeout))


def _names(group: Sequence[Ending]) -> tuple[list[UUID], list[int]]:
    return [ending.task.id for ending in group], [ending.task.lease_token for ending in group]
