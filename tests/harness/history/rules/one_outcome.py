"""Of all that is said of an attempt one word is believed, and a task ends once."""

from __future__ import annotations

from collections.abc import Iterator

from tests.harness.history.calls import Heard
from tests.harness.history.case import Case
from tests.harness.history.violations import Violation, violation


def one_outcome(case: Case) -> Iterator[Violation]:
    """At most one accepted word and one execution an attempt, and one success a task: nobody redrives a success."""
    for story in case.stories.values():
        for attempt in story.by_token.values():
            accepted = [word for word in attempt.words if word.heard is Heard.ACCEPTED]
            if len(accepted) > 1:
                sentence = f"{len(accepted)} words about lease {attempt.token} of task {story.task} were accepted."
                yield violation("one_outcome", sentence, *accepted)
            if len(attempt.executions) > 1:
                sentence = f"Lease {attempt.token} of task {story.task} ended {len(attempt.executions)} times."
                yield violation("one_outcome", sentence, *attempt.executions)
        succeeded = [attempt.execution for attempt in story.attempts if attempt.outcome == "succeeded"]
        if len(succeeded) > 1:
            yield violation("one_outcome", f"Task {story.task} succeeded {len(succeeded)} times.", *succeeded)
