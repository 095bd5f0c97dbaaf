"""What the reasons of skipped windows mean, in sentences for people, with advice.

They say nothing of the schedule as it is now: its policies may have been others when the window was skipped.
"""

from __future__ import annotations

_TEXTS: dict[str, tuple[str, str]] = {
    "missed": (
        "nobody fired it within the misfire grace, and the missed-run policy was skip at that time.",
        "The policy catch_up fires what was missed; a longer misfire grace bears longer absences of the scheduler.",
    ),
    "superseded": (
        "a later window was due as well, and the missed-run policy was latest_only at that time.",
        "The policy catch_up fires each window.",
    ),
    "beyond_max_catch_up": (
        "more windows were missed than max_catch_up allowed at that time, and this one was not among the latest.",
        "Raise max_catch_up.",
    ),
    "beyond_catch_up_window": (
        "it was missed longer ago than the catch-up window reached back at that time.",
        "Lengthen the catch-up window.",
    ),
    "overlap": (
        "the overlap policy at that time left it no room beside a task of the schedule that was still live, or beside "
        "another window that was due at once with it.",
        "Look at its tasks; allow lets them run beside each other, buffer_one lets one wait.",
    ),
    "paused": ("the schedule was paused.", ""),
    "schedule_changed": ("the schedule's rule was changed before the window had fired.", ""),
}


def reason_text(reason: str) -> tuple[str, str]:
    """Explanation and advice for a reason; a reason that this version does not know explains itself."""
    return _TEXTS.get(reason, (f"{reason}.", ""))
