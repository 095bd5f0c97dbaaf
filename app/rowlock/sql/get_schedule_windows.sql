-- Windows of one schedule that are accounted for, newest first.
-- Index: schedule_windows' primary key, one partition each, merged. Locks: none. Fence: none; it only reads.
SELECT recorded.window_at, recorded.outcome, recorded.task_id, recorded.reason, recorded.passed_after,
       recorded.epoch, recorded.recorded_at
  FROM rowlock.schedule_windows AS recorded
 WHERE recorded.schedule_id = %(schedule_id)s AND recorded.window_at < %(before)s
 ORDER BY recorded.window_at DESC
 LIMIT %(limit)s
