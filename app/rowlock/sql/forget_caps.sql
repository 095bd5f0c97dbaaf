-- Takes away caps of schedules' lanes that nobody needs any more: the schedule is gone, lets its tasks overlap, or has
-- another queue, and no task is left in the lane.
-- Index: limits' primary key, read whole; tasks_live_schedule. Locks: the rows that go. Fence: none; a schedule that is
-- changed at the same time writes its cap anew.
DELETE FROM rowlock.limits AS cap
 WHERE cap.lane ~ '/schedule:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
   AND NOT EXISTS (
        SELECT FROM rowlock.schedules AS schedule
         WHERE schedule.tenant_id = cap.tenant_id AND schedule.queue = cap.queue
           AND cap.lane = rowlock.schedule_lane(schedule.tenant_id, schedule.id, schedule.overlap_policy))
   AND NOT EXISTS (
        SELECT FROM rowlock.tasks_live AS task
         WHERE task.schedule_id = right(cap.lane, 36)::uuid AND task.lane = cap.lane AND task.queue = cap.queue)
RETURNING cap.lane
