-- Accounts for windows of many schedules in one transaction: moves each cursor, reserves each window by its primary key,
-- and stores the task of each window that fires.
-- Index: schedules' and schedule_windows' primary keys. Locks: the leader's row for share, the schedules' rows.
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
), reserved AS (
    INSERT INTO rowlock.schedule_windows (schedule_id, window_at, tenant_id, outcome, task_id, reason, passed_after, epoch)
    SELECT moved.id, due.window_at, moved.tenant_id, CASE WHEN due.reason IS NULL THEN 'fired' ELSE 'skipped' END,
           due.task_id, due.reason, due.passed_after, %(epoch)s
      FROM unnest(%(window_schedule_ids)s::uuid[], %(window_ats)s::timestamptz[], %(task_ids)s::uuid[], %(reasons)s::text[],
                  %(passed_afters)s::timestamptz[])
             AS due (schedule_id, window_at, task_id, reason, passed_after)
      JOIN moved ON moved.id = due.schedule_id
    ON CONFLICT (schedule_id, window_at) DO NOTHING
    RETURNING schedule_id, window_at, task_id, outcome, reason
), stored AS (
    INSERT INTO rowlock.tasks_live (
        id, tenant_id, queue, name, priority, lane, max_attempts, timeout_seconds, payload, tags, schedule_id, window_at)
    SELECT reserved.task_id, moved.tenant_id, moved.queue, moved.task_name, moved.priority, moved.tenant_id,
           moved.max_attempts, moved.timeout_seconds, moved.payload, moved.tags, moved.id, reserved.window_at
      FROM reserved JOIN moved ON moved.id = reserved.schedule_id
     WHERE reserved.outcome = 'fired'
    RETURNING queue
), woken AS MATERIALIZED (
    SELECT pg_notify(rowlock.wake_channel(), touched.queue)
      FROM (SELECT DISTINCT stored.queue FROM stored) AS touched
)
SELECT moved.tenant_id, moved.name, reserved.window_at, reserved.outcome, reserved.task_id, reserved.reason,
       (SELECT count(*) FROM leader) AS leaders, (SELECT count(*) FROM woken) AS woken
  FROM moved LEFT JOIN reserved ON reserved.schedule_id = moved.id
