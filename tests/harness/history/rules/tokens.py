"""A lease token is given once, and grows with each lease of a task."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from tests.harness.history.case import Case, grouped
from tests.harness.history.violations import Violation, violation


def tokens(case: Case) -> Iterator[Violation]:
    for token, leases in grouped((lease.token, lease) for lease in case.history.leases).items():
        if len(leases) > 1:
            yield violation("tokens", f"Lease token {token} was given {len(leases)} times.", *leases)
    for token, attempts in grouped((attempt.token, attempt) for attempt in case.attempts).items():
        if len(attempts) > 1:
            evidence = [shown for attempt in attempts for shown in attempt.evidence]
            yield violation("tokens", f"Lease token {token} is that of {len(attempts)} tasks.", *evidence)
    for story in case.stories.values():
        for earlier, later in pairwise(story.attempts):
            if later.started_at < earlier.started_at:
                sentence = f"Lease {later.token} of task {story.task} is older than lease {earlier.token}."
                yield violation("tokens", sentence, *earlier.evidence, *later.evidence)
