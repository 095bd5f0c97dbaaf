"""Claiming: from lanes to leases.

A `Claimer` is one worker's way to work. It finds the lanes of its queues a few times a second, plans which of them to
ask (`LaneBook`: better priority first, then the lane that was served longest ago), and claims from many in one
statement. Capped lanes are claimed one by one, each under a lock that makes the count of running rows exact.
"""

from __future__ import annotations

import itertools
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime

from rowlock.domain.errors import RowlockError
from rowlock.domain.lanes import Allowance, Lane, LaneBook, LanePlan
from rowlock.domain.priorities import Priority
from rowlock.store import leases
from rowlock.store.database import Database
from rowlock.store.leases import ClaimedTask, FoundLane, LeaseTerms
from rowlock.store.links import Link
from rowlock.store.refusals import refusing

LEASES_SHARE = 6  # of a lease, one in so many: as much later may a lease that has run out be found by a sweep
NOTHING_HEARD: Mapping[Lane, datetime | None] = {}
SCANS_SHARE = 10  # of the time that looking for lanes may take while there are others to claim from, one in so many


class Claimer:
    """Claims for one worker over one connection; not to be used by two tasks at once, but that one may sweep while the
    other claims."""

    def __init__(
        self,
        queues: Sequence[str],
        *,
        lease_seconds: float,
        lanes_per_scan: int,
        refresh_seconds: float,
        ahead_seconds: float = 1,
        book: LaneBook | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.queues = list(queues)
        self._lease_seconds = lease_seconds
        self._lanes_per_scan = lanes_per_scan
        self._refresh_seconds = refresh_seconds
        self._ahead_seconds = ahead_seconds
        self._book = book or LaneBook(sweep_seconds=min(5, lease_seconds / LEASES_SHARE), lease_seconds=lease_seconds)
        self._monotonic = monotonic
        self._capped: set[Lane] = set()
        self._past: dict[tuple[str, int], str] = {}
        self._scanned_at = float("-inf")
        self._scan_pause = refresh_seconds
        self._look_ahead_at = float("-inf")
        self._to_learn: tuple[Sequence[LanePlan], Sequence[ClaimedTask]] = ((), ())
        self._next_due_at = float("-inf")  # or as far as was looked ahead
        self._by_hearsay = False  # whether the last claim took what it had heard of, and looked for nothing else
        self.failed_at = float("-inf")  # when one failed beside others, and may have taken what it never told of
        self.heard_late = False  # whether the last claim heard of something that lies before the floor of its lane

    @property
    def idle_seconds(self) -> float:
        """How long there is nothing to claim, unless something comes: until the next task that scans have seen falls
        due, and no longer than they look ahead, or until one is to look ahead again, or at all."""
        return max(0.0, self._next_due_at - self._monotonic())

    async def claim(
        self,
        link: Link,
        worker_id: int,
        room: int,
        *,
        heard_of: Mapping[Lane, datetime | None] = NOTHING_HEARD,
        in_place: bool = True,
        resting: Collection[str] = (),
        allowances: Sequence[Allowance] = (),
    ) -> list[ClaimedTask]:
        """At most `room` tasks under new leases, none where nothing can be had; `in_place` unless they will run for
        long, or a worker lives that does not know of such claims. From queues that are `resting` it takes nothing, and
        from those of the `allowances` no more than these allow.

        It may have `heard_of` lanes to which tasks have come, and since when those are visible, as far as it was told,
        and need not look for those. Where nothing else is known to be due it asks them at once, and fills no more than
        half of its room from them: of what may be more urgent, such as tasks that were enqueued for later and are due
        now, or whose leases have run out, it has not heard. The next claim finds that, however many lanes it has heard
        of meanwhile, if it is time to look again.

        A lane that is due may have nothing to give: its cap is reached, or its attempts are spent and wait for their
        rescue. It must not keep the worker from what is less urgent, so the next best lanes are asked at once.
        """
        self._learn()
        terms = LeaseTerms(worker_id, self._lease_seconds, in_place)
        now = self._monotonic()
        is_time_to_scan = now - self._scanned_at >= self._scan_pause
        self._book.leave_out(resting)
        by_hearsay = self._book.idle(allowances) and not (self._by_hearsay and is_time_to_scan)
        self._by_hearsay = False
        self.heard_late = self._book.heard(heard_of)
        self._book.leave_out(resting)
        if by_hearsay:
            plans = self._book.plan(room // 2, [allowance.half for allowance in allowances])
            if taken := await self._take(link, plans, terms, room // 2, new=True):
                self._by_hearsay = True
                return taken
        plans = self._book.plan(room, allowances)
        if is_time_to_scan or (not plans and self._book.idle()):
            await self._scan(link, resting)
            plans = self._book.plan(room, allowances)
        elif not plans:  # what is due waits for places, and news of more of that is no reason to look for other lanes
            self._next_due_at = self._scanned_at + self._scan_pause
        while plans:
            if taken := await self._take(link, plans, terms, room):
                return taken
            plans = self._book.plan(room, allowances)  # without the lanes that came up short
        return []

    async def _take(
        self, link: Link, plans: Sequence[LanePlan], terms: LeaseTerms, room: int, *, new: bool = False
    ) -> list[ClaimedTask]:
        if not plans:
            return []
        taken, answered = await self._ask(link, plans, terms, room, new=new)
        self._to_learn = (answered, taken)
        if not taken:
            self._learn()
        return taken

    async def sweep(self, database: Database, *, news_come: bool = False) -> bool:
        """Looks for what claims begin after: it was committed late, or ran out of a lease that it got in its place. If
        that is due; whether there is any, for the next claim to take.

        It has a connection to itself. Where something pins xmin it walks over all that was ever claimed, in seconds,
        and claims go on meanwhile. While `news_come`, of all that is enqueued as it is committed, that is rarer.
        """
        plans = self._book.plan_sweep(self._monotonic())
        if not plans:
            return False
        async with database.link() as link:
            asked_at = self._monotonic()  # a server that had to come back first has not worked so long
            late = await leases.find_late(link, plans)
        seconds = self._monotonic() - asked_at
        self._book.swept(plans, late, asked_at + seconds, seconds=seconds, news_come=news_come)
        return bool(late)

    def missed_news(self) -> None:
        """What was told for a while is not known: it is to be swept for."""
        self._book.missed_news()

    async def _scan(self, link: Link, resting: Collection[str]) -> None:
        starts = [
            (queue, int(priority), self._past.get((queue, int(priority)), ""))
            for queue, priority in itertools.product(self.queues, Priority)
            if queue not in resting
        ]
        asked_at = self._monotonic()
        known = [(lane, start) for lane, start in self._book.plan_scan(asked_at) if lane.queue not in resting]
        # Not with every scan: what has been claimed lately lies ahead, as dead entries of leases that have ended.
        ahead = self._ahead_seconds if asked_at >= self._look_ahead_at else 0
        found = await leases.find_lanes(
            link, starts, lanes_per_scan=self._lanes_per_scan, known=known, ahead_seconds=ahead
        )
        self._scanned_at = self._monotonic()
        seconds = self._scanned_at - asked_at
        self._scan_pause = max(self._refresh_seconds, SCANS_SHARE * seconds)
        if ahead:
            coming = (lane.due_in_seconds for lane in found if lane.due_in_seconds)
            self._next_due_at = self._scanned_at + min(coming, default=ahead)
            self._look_ahead_at = min(self._next_due_at, self._scanned_at + self._scan_pause)
        else:  # something may have come meanwhile that falls due before the next one known
            self._next_due_at = self._look_ahead_at
        self._move_starts(found)
        self._capped = {lane.lane for lane in found if lane.capped}
        self._book.replace(lane.lane for lane in found if lane.due)

    def _move_starts(self, found: Sequence[FoundLane]) -> None:
        """A scan that was cut short goes on from its last lane next time; any other starts anew."""
        by_stream: dict[tuple[str, int], list[str]] = defaultdict(list)
        for lane in found:
            by_stream[lane.lane.queue, lane.lane.priority].append(lane.lane.lane)
        self._past = {stream: max(lanes) for stream, lanes in by_stream.items() if len(lanes) >= self._lanes_per_scan}

    async def _ask(
        self, link: Link, plans: Sequence[LanePlan], terms: LeaseTerms, room: int, *, new: bool
    ) -> tuple[list[ClaimedTask], list[LanePlan]]:
        """What was taken, and the plans whose lanes were asked; of one lane no more than what is `new`."""
        asked = [plan for plan in plans if plan.lane not in self._capped]
        taken: list[ClaimedTask] = []
        if new and len(asked) == 1:
            taken = await leases.claim_new(link, asked[0], room=room, terms=terms)
        elif asked:
            taken = await leases.claim(link, asked, room=room, terms=terms)
        for plan in plans:
            if plan.lane not in self._capped or len(taken) >= room:
                continue
            try:
                with refusing():
                    taken += await leases.claim_capped(link, plan, room=room - len(taken), terms=terms)
            except RowlockError:
                if not taken:
                    raise
                self.failed_at = self._monotonic()
                break  # what was taken is leased, and must run; the next claim meets the trouble, if it lasts
            asked.append(plan)
        return taken, asked

    def _learn(self) -> None:
        """Notes what the last claim tells of its lanes: with the next one, so that what was claimed begins first."""
        (plans, taken), self._to_learn = self._to_learn, ((), ())
        for plan, mine in zip(plans, _of_each(plans, taken), strict=True):
            if mine:
                self._book.claimed(plan.lane, newest_visible_at(mine), tasks=len(mine))
            if len(mine) < plan.quota:
                self._book.came_up_short(plan.lane)


def _of_each(plans: Sequence[LanePlan], taken: Sequence[ClaimedTask]) -> list[Sequence[ClaimedTask]]:
    """What was taken, by the lanes of the plans."""
    if len(plans) == 1:
        return [taken]
    by_lane: dict[tuple[str, int, str], list[ClaimedTask]] = defaultdict(list)
    for task in taken:  # by the three names, which are as good as a Lane and need not be made into one
        by_lane[task.queue, task.priority, task.lane].append(task)
    return [by_lane.get(plan.lane, []) for plan in plans]


def newest_visible_at(claimed: Sequence[ClaimedTask]) -> datetime | None:
    """When the youngest task of one claim had become claimable, by the database's clock; never later than it had. Of
    those that an earlier worker lost nobody knows where they lie: they may have been claimed in their place."""
    shortest_wait = min((task.wait_seconds for task in claimed if not task.lost_lease), default=None)
    if shortest_wait is None:
        return None
    rounding = 1e-6 + shortest_wait * 2**-23  # a wait is a float of 24 bits
    return datetime.fromtimestamp(claimed[0].claimed_epoch - shortest_wait - rounding, UTC)
