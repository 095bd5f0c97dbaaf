"""Each accepted word has its execution and each execution its word, and both say the same."""

from __future__ import annotations

from collections.abc import Iterator

from tests.harness.history.calls import Heard
from tests.harness.history.case import OUTCOMES, Attempt, Case
from tests.harness.history.violations import Violation, violation

RULE = "accounted"


def accounted(case: Case) -> Iterator[Violation]:
    for story in case.stories.values():
        for attempt in story.by_token.values():
            yield from _accepted_without_trace(attempt)
            yield from _executed_without_a_word(attempt)


def _accepted_without_trace(attempt: Attempt) -> Iterator[Violation]:
    for word in attempt.words:
        if word.heard is Heard.ACCEPTED and attempt.outcome not in OUTCOMES[word.way]:
            found = attempt.outcome or "nothing"
            sentence = (
                f"{word.way} of lease {attempt.token} of task {attempt.task} was accepted, and {found} is on record."
            )
            yield violation(RULE, sentence, word, attempt.execution)


def _executed_without_a_word(attempt: Attempt) -> Iterator[Violation]:
    """A lease may run out without a word; any other end was somebody's."""
    if attempt.lease is None or attempt.outcome in (None, "lease_expired"):
        return
    if not any(word.may_count and attempt.outcome in OUTCOMES[word.way] for word in attempt.words):
        sentence = (
            f"Lease {attempt.token} of task {attempt.task} ended as {attempt.outcome}, which its holder did not say."
        )
        yield violation(RULE, sentence, *attempt.evidence)
