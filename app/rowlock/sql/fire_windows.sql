-- Accounts for windows of many schedules in one transaction: moves each cursor, reserves each window by its primary key,
-- and stores the task of each window that fires. Where tasks of a schedule may not overlap, its live ones are counted
-- here, by this statement's own snapshot: a window without room is skipped, or takes the place of what is live.
-- Index: schedules' and schedule_windows' primary keys; tasks_live_schedule where tasks may not overlap.
-- Locks: the leader's row for share, the schedules' rows, the tasks that are cancelled in order of their ids.
-- Fence: the leader's epoch, and for each schedule the cursor that the decision was made from.
WITH leader AS (
    SELECT held.epoch FROM rowlock.leaders AS held
     WHERE held.role = 'scheduler' AND held.epoch = %(epoch)s FOR SHARE
), moved AS MATERIALIZED (
    UPDATE rowlock.schedules AS schedule
       SET cursor_at = decided.cursor_at, next_at = decided.next_at
      FROM unnest(%(tenant_ids)s::text[], %(names)s::text[], %(schedule_ids)s::uuid[], %(seen_cursors)s::timestamptz[],
                  %(cursors)s::timestamptz[], %(nexts)s::timestamptz[])
             AS decided (tenant_id, name, id, seen_at, cursor_at, next_at)
     CROSS JOIN leader
     WHERE schedule.tenant_id = decided.tenant_id AND schedule.name = decided.name AND schedule.id = decided.id
       AND schedule.cursor_at = decided.seen_at AND schedule.paused_at IS NULL
    RETURNING schedule.*
), live AS MATERIALIZED (
    SELECT moved.id AS schedule_id, beside.running, beside.waiting
      FROM moved
     CROSS JOIN LATERAL (
            SELECT count(*) FILTER (WHERE task.status = 'running') AS running,
                   count(*) FILTER (WHERE task.status <> 'running') AS waiting
              FROM rowlock.tasks_live AS task WHERE task.schedule_id = moved.id) AS beside
     WHERE moved.overlap_policy <> 'allow'
), due AS (
    SELECT decided.*, row_number() OVER rising AS nth, count(*) OVER (PARTITION BY schedule_id, reason) AS of
      FROM unnest(%(window_schedule_ids)s::uuid[], %(window_ats)s::timestamptz[], %(task_ids)s::uuid[],
                  %(reasons)s::text[], %(passed_afters)s::timestamptz[])
             AS decided (schedule_id, window_at, task_id, reason, passed_after)
    WINDOW rising AS (PARTITION BY schedule_id, reason ORDER BY window_at)
), told AS MATERIALIZED (
    SELECT due.schedule_id, due.window_at, due.passed_after, verdict.reason,
           CASE WHEN verdict.reason IS NULL THEN due.task_id END AS task_id
      FROM due
      JOIN moved ON moved.id = due.schedule_id
      LEFT JOIN live ON live.schedule_id = due.schedule_id
     CROSS JOIN LATERAL (
            SELECT coalesce(due.reason, CASE WHEN NOT CASE moved.overlap_policy
                    WHEN 'skip' THEN due.nth = 1 AND live.running + live.waiting = 0
                    WHEN 'buffer_one' THEN due.nth + live.waiting <= CASE WHEN live.running > 0 THEN 1 ELSE 2 END
                    WHEN 'cancel_running' THEN due.nth = due.of
                    ELSE true END THEN 'overlap' END) AS reason) AS verdict
), reserved AS (
    INSERT INTO rowlock.schedule_windows AS recorded (
        schedule_id, window_at, tenant_id, outcome, task_id, reason, passed_after, epoch)
    SELECT moved.id, told.window_at, moved.tenant_id, CASE WHEN told.reason IS NULL THEN 'fired' ELSE 'skipped' END,
           told.task_id, told.reason, told.passed_after, %(epoch)s
      FROM told JOIN moved ON moved.id = told.schedule_id
    ON CONFLICT (schedule_id, window_at) DO UPDATE  -- its outcome stands, but the run before it must not be lost
       SET passed_after = least(recorded.passed_after, excluded.passed_after),
           reason = coalesce(recorded.reason, excluded.reason)
     WHERE excluded.passed_after IS NOT NULL
    RETURNING schedule_id, window_at, task_id, outcome, reason
), accounted AS MATERIALIZED (
    SELECT reserved.*
      FROM reserved
      JOIN told ON told.schedule_id = reserved.schedule_id AND told.window_at = reserved.window_at
               AND told.task_id IS NOT DISTINCT FROM reserved.task_id
), stored AS (
    INSERT INTO rowlock.tasks_live (
        id, tenant_id, queue, name, priority, lane, max_attempts, timeout_seconds, payload, tags, schedule_id, window_at)
    SELECT accounted.task_id, moved.tenant_id, moved.queue, moved.task_name, moved.priority,
           rowlock.schedule_lane(moved.tenant_id, moved.id, moved.overlap_policy), moved.max_attempts,
           moved.timeout_seconds, moved.payload, moved.tags, moved.id, accounted.window_at
      FROM accounted JOIN moved ON moved.id = accounted.schedule_id
     WHERE accounted.outcome = 'fired'
    RETURNING queue
), replaced AS (
    SELECT array_agg(task.id) AS ids, array_agg(task.tenant_id) AS tenant_ids
      FROM accounted
      JOIN moved ON moved.id = accounted.schedule_id
     CROSS JOIN LATERAL (
            SELECT held.id, held.tenant_id FROM rowlock.tasks_live AS held WHERE held.schedule_id = moved.id
            OFFSET 0) AS task
     WHERE accounted.outcome = 'fired' AND moved.overlap_policy = 'cancel_running'
), cancelled AS MATERIALIZED (
    SELECT rowlock.cancel_replaced(replaced.ids, replaced.tenant_ids, 'The next window of its schedule came due.', 'scheduler')
      FROM replaced WHERE replaced.ids IS NOT NULL
), woken AS MATERIALIZED (
    SELECT pg_notify(rowlock.wake_channel(), touched.queue)
      FROM (SELECT DISTINCT stored.queue FROM stored) AS touched
)
SELECT moved.tenant_id, moved.name, accounted.window_at, accounted.outcome, accounted.task_id, accounted.reason,
       (SELECT count(*) FROM woken) AS woken, (SELECT count(*) FROM cancelled) AS cancelled
  FROM moved LEFT JOIN accounted ON accounted.schedule_id = moved.id
