"""Renewals, progress and steps are kept for the holder of the lease alone, and only who lost it is told so."""

from __future__ import annotations

from collections.abc import Iterator

from tests.harness.history.calls import Call, Keeping, Renewal
from tests.harness.history.case import Attempt, Case
from tests.harness.history.violations import Violation, violation

RULE = "kept"


def kept(case: Case) -> Iterator[Violation]:
    for story in case.stories.values():
        for attempt in story.by_token.values():
            yield from _kept_after_the_end(attempt, story.surely_over_at(attempt))
    by_token = {attempt.token: attempt for attempt in case.attempts}
    for call in case.history.of("renew"):
        if call.ok:
            yield from _wrong_answers(call, by_token)


def _kept_after_the_end(attempt: Attempt, over_at: int | None) -> Iterator[Violation]:
    kept: list[Keeping | Renewal] = [*attempt.keepings, *attempt.renewals]
    for keeping in kept:
        late = over_at is not None and keeping.since is not None and keeping.since > over_at
        if late and keeping.call.ok:
            sentence = (
                f"A {keeping.call.operation} under lease {attempt.token} of task {attempt.task} came after its end."
            )
            yield violation(RULE, sentence, keeping, *attempt.evidence)


def _wrong_answers(call: Call, by_token: dict[int, Attempt]) -> Iterator[Violation]:
    asked = {said["token"] for said in call.asked["attempts"]}
    others = sorted({*call.answer["renewed"], *call.answer["lost"]} - asked)
    if others:
        yield violation(RULE, f"A renewal answered for the leases {others}, of which it did not ask.", call)
    for token in asked & set(call.answer["lost"]):
        attempt = by_token.get(token)
        if attempt is not None and attempt.execution is None and not any(word.may_count for word in attempt.words):
            sentence = f"The holder of lease {token} of task {attempt.task} was told that it is lost, and it was not."
            yield violation(RULE, sentence, call, *attempt.evidence)
