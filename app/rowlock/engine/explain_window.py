"""Why a window of a schedule did, or did not, fire: one code, a sentence, and what to do about it.

The records are asked first, for they say what happened; then the rule, the schedule and the leader, for what has not
happened yet, or never will.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from rowlock.domain.bounds import EARLIEST
from rowlock.domain.errors import InvalidArgument
from rowlock.domain.once_trigger import parse_once
from rowlock.domain.trigger_base import INSTANT, Trigger
from rowlock.engine.backfill import known_since
from rowlock.engine.elect import ROLE, absence_seconds
from rowlock.engine.schedules import get_schedule
from rowlock.engine.window_reasons import reason_text
from rowlock.store.database import Database
from rowlock.store.leaders import LeaderRecord, get_leader
from rowlock.store.maintenance import LEDGER_DAYS
from rowlock.store.schedules import ScheduleRecord
from rowlock.store.windows import WindowRecord, find_window

LAGGING = timedelta(seconds=5)  # a leader that keeps up accounts for a window within a tick or two


@dataclass(frozen=True, slots=True)
class WindowExplanation:
    """What became of an instant of a schedule. `task_id` is the task that it became, where it fired."""

    schedule: str
    window_at: datetime
    code: str
    explanation: str
    advice: str = ""
    task_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What an explanation is made from: the schedule, an instant, its record, and who leads."""

    schedule: ScheduleRecord
    window_at: datetime
    recorded: WindowRecord | None
    leader: LeaderRecord | None
    leader_silence: timedelta

    def say(self, code: str, explanation: str, advice: str = "", task_id: UUID | None = None) -> WindowExplanation:
        return WindowExplanation(self.schedule.name, self.window_at, code, explanation, advice, task_id)

    @property
    def beyond_records(self) -> bool:
        """Whether the window is so old that no record of it need be left."""
        return self.window_at < known_since(self.schedule)

    @property
    def backfill(self) -> str:
        """How to fire the window after all; nothing where that would be refused."""
        if self.beyond_records:
            return ""
        at = self.window_at.isoformat()
        return f"To fire it now: rowlock schedules backfill {self.schedule.name} --since {at} --until {at}."


async def explain_window(
    database: Database, tenant_id: str, name: str, window: datetime | str | None = None
) -> WindowExplanation:
    """Why that window fired or not; the latest that was due where none is named.

    A window given as text without an offset is read on the clocks of the schedule's zone. Raises `NotFound`, and
    `InvalidArgument` (field `window`).
    """
    schedule = await get_schedule(database, tenant_id, name)
    window_at = _instant(schedule, window)
    return explain(
        Facts(
            schedule,
            window_at,
            await find_window(database, schedule.id, window_at),
            await get_leader(database, ROLE),
            timedelta(seconds=absence_seconds(database.settings.election_seconds)),
        )
    )


def explain(facts: Facts) -> WindowExplanation:
    """The pure judgement."""
    schedule, recorded = facts.schedule, facts.recorded
    if recorded is not None and recorded.window_at == facts.window_at:
        return _recorded(facts, recorded)
    try:
        trigger = schedule.trigger()
    except InvalidArgument as error:
        return facts.say("unreadable_rule", f"The schedule's rule cannot be read: {error}", "Change the schedule.")
    if not trigger.newest_windows(after=facts.window_at - INSTANT, until=facts.window_at, n=1):
        return _no_window(facts, trigger)
    if recorded is not None:
        return _recorded(facts, recorded)
    if facts.window_at <= schedule.created_at:
        return facts.say(
            "before_creation", f"The schedule was made at {schedule.created_at}, after this window.", facts.backfill
        )
    if facts.window_at <= schedule.cursor_at and facts.beyond_records:
        return facts.say(
            "before_records",
            f"Records of windows are kept for {LEDGER_DAYS} days, and it is older: nobody knows whether it fired.",
        )
    if facts.window_at <= schedule.cursor_at:
        return facts.say(
            "before_change",
            f"There is no record of it, and the cursor has passed it: the schedule, last changed at "
            f"{schedule.updated_at}, did not have this window then.",
            facts.backfill,
        )
    return _not_accounted_for(facts, trigger.fire_at(facts.window_at))


def _recorded(facts: Facts, recorded: WindowRecord) -> WindowExplanation:
    if recorded.outcome == "fired" and recorded.window_at == facts.window_at:
        late = (recorded.recorded_at - recorded.window_at).total_seconds()
        by = f"by the leader of epoch {recorded.epoch}" if recorded.epoch else "by a backfill"
        return facts.say(
            "fired",
            f"It fired at {recorded.recorded_at} {by}, {late:.1f} s after the window.",
            f"What became of its task: rowlock tasks show {recorded.task_id}.",
            recorded.task_id,
        )
    reason = recorded.reason or "skipped"
    text, advice = reason_text(reason)
    return facts.say(reason, f"It was skipped at {recorded.recorded_at}: {text}", f"{advice} {facts.backfill}".strip())


def _no_window(facts: Facts, trigger: Trigger) -> WindowExplanation:
    schedule, at = facts.schedule, facts.window_at
    if schedule.starts_at is not None and at < schedule.starts_at:
        return facts.say(
            "before_start", f"The schedule has no windows before {schedule.starts_at}.", "Change its starts_at."
        )
    if schedule.ends_at is not None and at > schedule.ends_at:
        return facts.say("after_end", f"The schedule has no windows after {schedule.ends_at}.", "Change its ends_at.")
    before = trigger.newest_windows(after=EARLIEST, until=at, n=1)
    after = next(trigger.windows_after(at), None)
    nearest = " and ".join(str(window) for window in (*before, *([after] if after else [])))
    return facts.say(
        "not_a_window",
        f"It is no window of the rule: {trigger.describe()}.",
        f"Its nearest windows: {nearest}." if nearest else "The rule has no windows.",
    )


def _not_accounted_for(facts: Facts, due_at: datetime) -> WindowExplanation:
    schedule = facts.schedule
    if schedule.paused_at is not None:
        return facts.say(
            "paused",
            f"The schedule is paused since {schedule.paused_at} by {schedule.paused_by}.",
            f"Resume it: rowlock schedules resume {schedule.name}. What it missed is skipped, and can be backfilled.",
        )
    if due_at > schedule.read_at:
        return facts.say("not_due", f"It is due at {due_at}, in {due_at - schedule.read_at}.")
    late = schedule.read_at - due_at
    leader = facts.leader
    if leader is None or schedule.read_at - leader.renewed_at > facts.leader_silence:
        heard = "none has ever led" if leader is None else f"the last was heard of at {leader.renewed_at}"
        return facts.say(
            "scheduler_absent",
            f"It is due since {due_at}, but no scheduler leads: {heard}.",
            "Start one: rowlock scheduler. Its missed-run policy then says what becomes of the window.",
        )
    if late > LAGGING:
        return facts.say(
            "scheduler_lagging",
            f"It is due since {due_at}, and {leader.holder}, which leads, has not got to it for {late}.",
            "Look at its log and at rowlock_schedule_lag_seconds; after an absence it may be catching up.",
        )
    return facts.say("due", f"It is due since {due_at}; the leader looks about once a second.")


def _instant(schedule: ScheduleRecord, window: datetime | str | None) -> datetime:
    if isinstance(window, datetime):
        return window
    if window is not None:
        try:
            return parse_once(window, schedule.timezone).at
        except InvalidArgument as error:
            raise InvalidArgument(error.message.replace("The expression", "The window"), field="window") from error
    try:
        trigger = schedule.trigger()
    except InvalidArgument:
        return schedule.read_at  # whatever it is, the answer is the rule
    latest = trigger.newest_windows(after=schedule.created_at, until=trigger.due_until(schedule.read_at), n=1)
    return latest[0] if latest else next(trigger.windows_after(schedule.read_at), schedule.read_at)
