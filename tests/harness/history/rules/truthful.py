"""What a worker says of an attempt is what its handler did."""

from __future__ import annotations

from collections.abc import Iterator

from tests.harness.history.calls import HandlerRun, Word
from tests.harness.history.case import UNBEGUN, Case
from tests.harness.history.violations import Violation, violation

COMPLETES = {"complete": False, "complete_with_results": True}  # whether there is a result


def truthful(case: Case) -> Iterator[Violation]:
    """Judged of processes that record the calls of their handlers."""
    followed = {run.call.process for run in case.history.runs}
    for story in case.stories.values():
        for attempt in story.by_token.values():
            for word in attempt.words:
                if word.call.process in followed:
                    runs = [run for run in attempt.runs if run.call.process == word.call.process]
                    yield from _untrue(word, runs)


def _untrue(word: Word, runs: list[HandlerRun]) -> Iterator[Violation]:
    if word.way in UNBEGUN and any(run.call.ok for run in runs):
        sentence = (
            f"Lease {word.token} of task {word.task} was given back as never begun, and its handler had returned."
        )
        yield violation("truthful", sentence, word, *runs)
    elif word.way in COMPLETES and not any(run.call.ok for run in runs):
        sentence = f"Lease {word.token} of task {word.task} was completed, and its handler had not returned."
        yield violation("truthful", sentence, word, *runs)
    elif word.way in COMPLETES and not any(run.call.answer.get("result") == COMPLETES[word.way] for run in runs):
        sentence = f"{word.way} of lease {word.token} of task {word.task} does not fit what its handler returned."
        yield violation("truthful", sentence, word, *runs)
