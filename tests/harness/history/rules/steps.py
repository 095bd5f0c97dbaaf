"""A step of a task is kept once, under a lease of that task, and while it lasted. No later attempt runs it again."""

from __future__ import annotations

from collections.abc import Iterator

from tests.harness.history.case import Case, grouped
from tests.harness.history.rows import StepRow
from tests.harness.history.violations import Violation, violation

RULE = "steps"


def steps(case: Case) -> Iterator[Violation]:
    kept = grouped(((step.task, step.name, step.occurrence), step) for step in case.rows.steps)
    for (task, name, _), rows in kept.items():
        if len(rows) > 1:
            yield violation(RULE, f"Step {name} of task {task} was kept {len(rows)} times.", *rows)
    for step in case.rows.steps:
        yield from _kept_by_another(case, step)
    for call in case.history.of("step"):
        task, name, token = call.asked["task"], call.asked["name"], call.asked["token"]
        rows = kept.get((task, name, call.asked["occurrence"]), [])
        earlier = [row for row in rows if row.token < token]
        if call.ok and not rows:
            yield violation(RULE, f"Step {name} of task {task} was kept, and is lost.", call)
        if earlier:
            sentence = f"Step {name} of task {task} ran again under lease {token}: {earlier[0].token} had kept it."
            yield violation(RULE, sentence, call, *earlier)


def _kept_by_another(case: Case, step: StepRow) -> Iterator[Violation]:
    story = case.stories.get(step.task)
    attempt = story.by_token.get(step.token) if story else None
    if story is None or attempt is None or not attempt.granted:
        yield violation(
            RULE, f"Step {step.name} of task {step.task} was kept under lease {step.token}, which nobody held.", step
        )
    elif step.attempt != attempt.number:
        sentence = (
            f"Step {step.name} of task {step.task} is of attempt {step.attempt}, and its lease of {attempt.number}."
        )
        yield violation(RULE, sentence, step, *attempt.evidence)
    elif step.recorded_at > (story.surely_over_at(attempt) or step.recorded_at):
        sentence = f"Step {step.name} of task {step.task} was kept after its lease {step.token} was over."
        yield violation(RULE, sentence, step, *attempt.evidence)
