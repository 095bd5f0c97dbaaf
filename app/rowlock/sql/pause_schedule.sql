-- Stops a schedule from firing; false where it was paused already. Raises RL404.
-- Index: schedules' primary key. Locks: the schedule's row. Fence: it is not paused.
SELECT rowlock.pause_schedule(%(name)s, %(tenant_id)s, %(actor)s, %(request_id)s) AS paused
