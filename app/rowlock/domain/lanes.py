"""Which lanes a worker asks next, from which instant on, and for how many tasks.

The bookkeeping of one worker, in memory only: losing it costs a slower claim, never a task. Three
rules. A better priority goes first, strictly. Within one priority the lane that was served longest
ago goes first, and the room is shared equally. A lane's scan starts at its floor, the newest
`visible_at` claimed from it less a slack, because under a pinned `xmin` everything before is dead
index entries; the slack shrinks where a lane is so fast that many thousands would lie in it, and
is shorter still but for a few times a second. Sweeps (`sweeps.py`) look before the floors for what
was committed late or lost, and the next claim starts there.

Instants of tasks are the database's; `now` is the worker's monotonic clock, in seconds.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict, deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from rowlock.domain.sweeps import News, Sweep, SweepClock

NO_QUEUES: frozenset[str] = frozenset()


class Lane(NamedTuple):
    """One tenant, or one flow key of a tenant, at one priority of one queue. A tuple, for it is hashed all the time."""

    queue: str
    priority: int
    lane: str


class LanePlan(NamedTuple):
    """Claim at most `quota` tasks from `lane`, visible from `floor` on (None: from the beginning)."""

    lane: Lane
    floor: datetime | None
    quota: int


class Allowance(NamedTuple):
    """No more than so many tasks are to be claimed from these queues together. Two that have a need in common count the
    same places: what one claim takes under the one is less for the other."""

    queues: frozenset[str]
    room: int
    needs: frozenset[str] = frozenset()

    @property
    def half(self) -> Allowance:
        """Half of it, but one task where there is one."""
        return self._replace(room=(self.room + 1) // 2)


class SweepPlan(NamedTuple):
    """Look in `lane` for what is visible from `begins` on (None: from the beginning) and before `ends`."""

    lane: Lane
    begins: datetime | None
    ends: datetime
    sweep: Sweep
    news: int = 0  # how much of them had come when it was planned


@dataclass(slots=True)
class _Entry:
    heard: bool = False  # since it was served last, and no scan may have come by it yet
    floor: datetime | None = None  # where claims begin, mostly
    far_floor: datetime | None = None  # where they begin a few times a second
    late: datetime | None = None  # when something became visible that a sweep has found before the floor
    news: News = field(default_factory=News)
    sweeps: SweepClock = field(default_factory=SweepClock)
    # The claims that lie within the slack, oldest first: newest `visible_at` and number of tasks.
    claims: deque[tuple[datetime, int]] = field(default_factory=deque)
    within_slack: int = 0
    left_behind: datetime | None = None
    rank: int = 0  # grows with every serving: the smallest was served longest ago
    # What the latest plan makes of it. It counts once the claim is reported: a plan that is thrown away has served
    # nothing.
    planned_rank: int = 0
    planned_late: datetime | None = None

    @property
    def start(self) -> datetime | None:
        return self.late or self.floor


class LaneBook:
    """The lanes that discovery found, and what claims have taught about them."""

    def __init__(
        self,
        *,
        slack: timedelta = timedelta(seconds=2),
        least_slack: timedelta = timedelta(seconds=0.25),
        sweep_seconds: float = 5,
        lease_seconds: float = 30,
        lanes_per_claim: int = 100,
        lanes_kept: int = 10_000,
        lanes_known: int = 64,
        lanes_per_sweep: int = 1_000,
        most_within_slack: int = 10_000,
        most_within_short_slack: int = 1_000,
        far_seconds: float = 0.25,
    ) -> None:
        self._slack = slack
        self._least_slack = least_slack
        self._sweep_seconds = sweep_seconds
        self._lease_seconds = lease_seconds
        self._lanes_per_claim = lanes_per_claim
        self._lanes_kept = lanes_kept
        self._lanes_known = lanes_known
        self._lanes_per_sweep = lanes_per_sweep
        self._most_within_slack = most_within_slack
        self._most_within_short_slack = most_within_short_slack
        self._far_seconds = far_seconds
        self._far_at = float("-inf")
        self._entries: dict[Lane, _Entry] = {}
        self._due: dict[Lane, _Entry] = {}  # those of the entries that have due tasks, as far as is known
        self._last_rank = 0

    def __len__(self) -> int:
        """Lanes remembered, with work or without: after a scan no more than `lanes_kept`, unless more are due."""
        return len(self._entries)

    def idle(self, allowances: Sequence[Allowance] = ()) -> bool:
        """Whether no lane is known to be due that may be asked."""
        full = used_up(allowances)
        return all(lane.queue in full for lane in self._due) if full else not self._due

    def plan_scan(self, now: float) -> list[tuple[Lane, datetime]]:
        """For the next scan, the lanes served last, each with the instant to look from; and to claim from, if the scan
        comes by something."""
        claimed = ((lane, entry) for lane, entry in self._entries.items() if entry.floor is not None)
        served = heapq.nlargest(self._lanes_known, claimed, key=lambda known: known[1].rank)
        if now - self._far_at >= self._far_seconds:
            self._far_at = now
            for _, entry in served:
                entry.floor = entry.far_floor
        return [(lane, entry.start) for lane, entry in served if entry.start is not None]

    def plan_sweep(self, now: float) -> list[SweepPlan]:
        """Lanes that are to be looked at before their floors, those swept longest ago; all of them for the same."""
        entries = [(lane, entry, entry.floor) for lane, entry in self._entries.items() if entry.floor is not None]
        for _, entry, floor in entries:
            entry.sweeps.note_floor(now, floor, self._sweep_seconds)
        told = [known for known in entries if known[1].news.since is not None]
        rare = [known for known in entries if known[1].sweeps.marks is not None]
        for sweep, candidates in ((Sweep.NEWS, told), (Sweep.WHOLE, entries), (Sweep.SHORT, rare)):
            due = (
                (turn.at, plan)
                for lane, entry, floor in candidates
                if (turn := entry.sweeps.turn(sweep)).is_due(now)
                and (plan := self._plan_sweep(sweep, now, lane, entry, floor)) is not None
            )
            if chosen := heapq.nsmallest(self._lanes_per_sweep, due, key=lambda known: known[0]):
                return [plan for _, plan in chosen]
        return []

    def _plan_sweep(self, sweep: Sweep, now: float, lane: Lane, entry: _Entry, floor: datetime) -> SweepPlan | None:
        match sweep:
            case Sweep.NEWS:
                since, count = entry.news.since, entry.news.count
                return None if since is None else SweepPlan(lane, since, floor, sweep, count)
            case Sweep.WHOLE:
                return SweepPlan(lane, None, floor, sweep, entry.news.count)
            case Sweep.SHORT:
                found = entry.sweeps.lost_lately(now, floor, self._lease_seconds, self._sweep_seconds)
                return None if found is None else SweepPlan(lane, *found, sweep)

    def swept(
        self,
        plans: Iterable[SweepPlan],
        late: Mapping[Lane, datetime],
        now: float,
        *,
        seconds: float,
        news_come: bool = False,
    ) -> None:
        """A sweep has ended, which took so long. In some lanes there was something `late` to be claimed, the oldest of
        it visible since then. While `news_come` they tell of what is committed late."""
        lease, every = self._lease_seconds, self._sweep_seconds
        for lane, _, _, sweep, news in plans:
            if (entry := self._entries.get(lane)) is not None:
                entry.sweeps.swept(sweep, now, seconds=seconds, lease=lease, every=every, news_come=news_come)
                if sweep is not Sweep.SHORT:
                    entry.news.seen(news)
                if lane in late:
                    entry.late = late[lane]
                    self._due[lane] = entry

    def missed_news(self) -> None:
        """Nobody knows what was told for a while: all lanes are to be swept wholly, as soon as the time allows."""
        for entry in self._entries.values():
            entry.sweeps.hurry(self._sweep_seconds)

    def replace(self, lanes: Iterable[Lane]) -> None:
        """These lanes have due tasks now, says a scan, and no others but those heard of; what is known of the others is
        kept while there is space, since they may be back with the next scan."""
        self._due = {lane: entry for lane, entry in self._due.items() if entry.heard}
        for lane, _ in zip(dict.fromkeys(lanes), range(self._lanes_kept), strict=False):
            self._due[lane] = self._entries.setdefault(lane, _Entry())
        surplus = len(self._entries) - self._lanes_kept
        if surplus > 0:
            idle = ((lane, entry) for lane, entry in self._entries.items() if lane not in self._due)
            for lane, _ in heapq.nsmallest(surplus, idle, key=lambda known: known[1].rank):
                del self._entries[lane]

    def heard(self, lanes: Mapping[Lane, datetime | None]) -> bool:
        """Tasks have come to these lanes, visible since the instants where such were told. They count as due until they
        have been asked, whatever scans find, for a scan may be far from them; and before others that were never served,
        which nobody has just come to. Whether some lie before the floor of their lane, where no claim will look: to be
        told when the claim is reported that was on its way, for it may have passed them."""
        late = False
        for lane, since in lanes.items():
            if lane not in self._entries and len(self._due) >= self._lanes_kept:
                continue  # scans will find it
            entry = self._due[lane] = self._entries.setdefault(lane, _Entry())
            entry.heard = True
            if since is not None and entry.floor is not None and since < entry.floor:
                entry.news.told(since)
                late = True
        return late

    def leave_out(self, queues: Collection[str]) -> None:
        """The lanes of these queues are not to be asked, until something is found or heard of in them again."""
        if queues:
            self._due = {lane: entry for lane, entry in self._due.items() if lane.queue not in queues}

    def plan(self, room: int, allowances: Sequence[Allowance] = ()) -> list[LanePlan]:
        """What to ask in the next claim: lanes of the best priority that has any, as a lower one
        may not run before all of them came up short. Quotas add up to `room` at most, and those of
        the lanes of an allowance to its own. Lanes of one that is used up wait as they are. Empty
        when nothing is known to be due that may be asked."""
        chosen = self._longest_unserved(min(room, self._lanes_per_claim), without=used_up(allowances))
        return self._within(allowances, chosen, room) if allowances else self._share(chosen, room)

    def _within(self, allowances: Sequence[Allowance], chosen: list[tuple[Lane, _Entry]], room: int) -> list[LanePlan]:
        """Plans that keep to the allowances. Of two for the same places that is first whose lane was not served for
        longest, and the other has what is left: it is first the next time, if that is nothing."""
        of_queue = {queue: allowance for allowance in allowances for queue in allowance.queues}
        known_of: dict[Allowance, list[tuple[Lane, _Entry]]] = defaultdict(list)
        unbounded: list[tuple[Lane, _Entry]] = []
        for known in chosen:
            allowance = of_queue.get(known[0].queue)
            (unbounded if allowance is None else known_of[allowance]).append(known)
        left = len(chosen)
        plans: list[LanePlan] = []
        given: Counter[str] = Counter()
        for allowance, bounded in known_of.items():
            most = allowance.room - sum(given[need] for need in allowance.needs)
            planned = self._share(bounded, max(0, min(most, room * len(bounded) // left)))
            quotas = sum(plan.quota for plan in planned)
            given.update(dict.fromkeys(allowance.needs, quotas))
            room, left = room - quotas, left - len(bounded)
            plans += planned
        return plans + self._share(unbounded, room)

    def _share(self, chosen: list[tuple[Lane, _Entry]], room: int) -> list[LanePlan]:
        """Plans for as many of the lanes as there is room, in equal parts."""
        chosen = chosen[:room]
        if not chosen:
            return []
        share, left_over = divmod(room, len(chosen))
        plans = []
        for nth, (lane, entry) in enumerate(chosen):
            # The first ones get what cannot be shared equally, and so queue up behind the others next time.
            entry.planned_rank = self._last_rank + 1 + (nth - left_over) % len(chosen)
            entry.planned_late = entry.late
            plans.append(LanePlan(lane, entry.start, share + (nth < left_over)))
        self._last_rank += len(chosen)
        return plans

    def claimed(self, lane: Lane, newest_visible_at: datetime | None, *, tasks: int = 1) -> None:
        """The claim got so many tasks of the lane; `newest_visible_at` is the latest of theirs. Where none is known,
        all were lost by another worker, and there may be more of them: the next claim begins where this one did."""
        entry = self._entries.get(lane)
        if entry is None:
            return
        if newest_visible_at is not None:
            entry.far_floor = self._far_floor(entry, newest_visible_at, tasks)
            entry.floor = self._floor(entry, newest_visible_at, entry.far_floor)
        _serve(entry, more_is_late=newest_visible_at is None)

    def came_up_short(self, lane: Lane) -> None:
        """The claim took fewer tasks of the lane than its quota: it has no more, and is left out
        until a scan finds it again."""
        entry = self._entries.get(lane)
        if entry is not None:
            _serve(entry)
            self._due.pop(lane, None)

    def _floor(self, entry: _Entry, newest: datetime, far_floor: datetime) -> datetime:
        """No further back than some tasks, where many lie within the slack."""
        left_behind, within = far_floor, 0
        for claim_newest, tasks in reversed(entry.claims):
            if within >= self._most_within_short_slack:
                left_behind = claim_newest
                break
            within += tasks
        return max(far_floor, min(left_behind, newest - self._least_slack))

    def _far_floor(self, entry: _Entry, newest: datetime, tasks: int) -> datetime:
        """The newest instant less the slack, but no further back than so many tasks."""
        if entry.claims and newest < entry.claims[-1][0]:  # something late: what comes next may be as late
            entry.claims.clear()
            entry.within_slack, entry.left_behind = 0, None
        entry.claims.append((newest, tasks))
        entry.within_slack += tasks
        floor = newest - self._slack
        while entry.claims[0][0] < floor or entry.within_slack - entry.claims[0][1] >= self._most_within_slack:
            entry.left_behind, fewer = entry.claims.popleft()
            entry.within_slack -= fewer
        if entry.left_behind is None:
            return floor
        return min(max(floor, entry.left_behind), newest - self._least_slack)

    def _longest_unserved(self, most: int, *, without: Collection[str]) -> list[tuple[Lane, _Entry]]:
        if most <= 0:
            return []
        due = self._due
        if without:
            due = {lane: entry for lane, entry in due.items() if lane.queue not in without}
        if len(due) <= 1:
            return list(due.items())
        best = min(lane.priority for lane in due)
        rivals = (known for known in due.items() if known[0].priority == best)
        return heapq.nsmallest(most, rivals, key=lambda known: (known[1].rank, not known[1].heard))


def used_up(allowances: Sequence[Allowance]) -> frozenset[str]:
    """The queues from which nothing may be claimed."""
    return NO_QUEUES.union(*(allowance.queues for allowance in allowances if allowance.room <= 0))


def _serve(entry: _Entry, *, more_is_late: bool = False) -> None:
    entry.rank, entry.heard = entry.planned_rank, False
    if (
        entry.late == entry.planned_late and not more_is_late
    ):  # else a sweep has found it while the claim was on its way
        entry.late = None
