"""Only the holder of the newest lease is believed, and whoever is not believed has lost it."""

from __future__ import annotations

from collections.abc import Iterator

from tests.harness.history.calls import Heard
from tests.harness.history.case import Attempt, Case, Story
from tests.harness.history.violations import Violation, violation

RULE = "newest_lease"


def newest_lease(case: Case) -> Iterator[Violation]:
    """The fence, from both sides: none but the newest gets through, and the newest gets through."""
    yield from _answered_for_another(case)
    for story in case.stories.values():
        for attempt in story.by_token.values():
            yield from _believed_though_stale(story, attempt)
            yield from _refused_though_held(attempt)


def _answered_for_another(case: Case) -> Iterator[Violation]:
    for call in case.history.of("finish"):
        sent = {said["token"] for said in call.asked["attempts"]}
        others = sorted(set(call.answer.get("accepted", ())) - sent)
        if others:
            yield violation(RULE, f"A word was taken for the leases {others}, of which it did not speak.", call)


def _believed_though_stale(story: Story, attempt: Attempt) -> Iterator[Violation]:
    """A later lease began before this one's end was accepted."""
    ended_at = attempt.ended_at
    if ended_at is None or not any(word.may_count for word in attempt.words):
        return
    for later in story.attempts:
        if later.token > attempt.token and later.started_at < ended_at:
            sentence = (
                f"A word about lease {attempt.token} of task {story.task} was accepted under lease {later.token}."
            )
            yield violation(RULE, sentence, *attempt.evidence, *later.evidence)


def _refused_though_held(attempt: Attempt) -> Iterator[Violation]:
    """An attempt that was refused has ended otherwise: its lease ran out, or another word about it may count."""
    refused = [word for word in attempt.words if word.heard is Heard.REFUSED]
    if refused and attempt.outcome != "lease_expired" and not any(word.may_count for word in attempt.words):
        sentence = f"The holder of lease {attempt.token} of task {attempt.task} was refused, though it had not lost it."
        yield violation(RULE, sentence, *attempt.evidence)
