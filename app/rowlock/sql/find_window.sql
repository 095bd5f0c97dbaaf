-- How an instant of a schedule is accounted for: by a row of its own, or by the run of skipped windows that it lies in.
-- Index: schedule_windows' primary key; schedule_windows_runs. Locks: none. Fence: none; it only reads.
WITH own AS (
    SELECT recorded.* FROM rowlock.schedule_windows AS recorded
     WHERE recorded.schedule_id = %(schedule_id)s AND recorded.window_at = %(window_at)s
), run AS (
    SELECT recorded.* FROM rowlock.schedule_windows AS recorded
     WHERE recorded.schedule_id = %(schedule_id)s AND recorded.window_at > %(window_at)s
       AND recorded.passed_after IS NOT NULL
     ORDER BY recorded.window_at LIMIT 1
)
SELECT found.window_at, found.outcome, found.task_id, found.reason, found.passed_after, found.epoch, found.recorded_at
  FROM (SELECT own.* FROM own
        UNION ALL
        SELECT run.* FROM run WHERE run.passed_after < %(window_at)s) AS found
 ORDER BY found.window_at
 LIMIT 1
