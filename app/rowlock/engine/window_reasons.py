"""What the reasons of skipped windows mean, in sentences for people, with advice."""

from __future__ import annotations

from rowlock.store.schedules import ScheduleRecord

_TEXTS: dict[str, tuple[str, str]] = {
    "missed": (
        "nobody fired it within {misfire_grace_seconds} s, and the missed-run policy is {missed_run_policy}.",
        "The policy catch_up fires what was missed; a longer misfire grace bears longer absences of the scheduler.",
    ),
    "superseded": (
        "a later window was due as well, and the policy {missed_run_policy} fires only the latest.",
        "The policy catch_up fires each window.",
    ),
    "beyond_max_catch_up": (
        "more windows were missed than max_catch_up, {max_catch_up}, and this one was not among the latest.",
        "Raise max_catch_up.",
    ),
    "beyond_catch_up_window": (
        "it was missed longer ago than the catch-up window of {catch_up_window_seconds} s.",
        "Lengthen the catch-up window.",
    ),
    "overlap": (
        "a task of the schedule was still live, and the overlap policy is {overlap_policy}.",
        "Look at its tasks; allow lets them run beside each other, buffer_one lets one wait.",
    ),
    "paused": ("the schedule was paused.", ""),
    "schedule_changed": ("the schedule's rule was changed before the window had fired.", ""),
}


def reason_text(reason: str, schedule: ScheduleRecord) -> tuple[str, str]:
    """Explanation and advice for a reason; a reason that this version does not know explains itself."""
    text, advice = _TEXTS.get(reason, (f"{reason}.", ""))
    told = text.format(
        missed_run_policy=schedule.missed_run_policy,
        max_catch_up=schedule.max_catch_up,
        misfire_grace_seconds=schedule.misfire_grace_seconds,
        catch_up_window_seconds=schedule.catch_up_window_seconds,
        overlap_policy=schedule.overlap_policy,
    )
    return told, advice
