-- Accounts for windows of many schedules in one transaction: moves each cursor, reserves each window by its primary key,
-- and stores the task of each window that fires. Where tasks of a schedule may not overlap, its live ones are counted
-- here, by this statement's own snapshot: a window without room is skipped, or takes the place of what is live.
-- Index: schedules' and schedule_windows' primary keys; tasks_live_schedule where tasks may not overlap.
-- Locks: the leader's row for key share, beside which it may be renewed; the schedules' rows and the tasks that are
-- cancelled, so many at most, skipping others'. A schedule that is locked, or of which a task still has to be cancelled,
-- does not move: the next tick finds it due.
-- Fence: the leader's epoch (holds_epoch says why by a function), and for each schedule the cursor that the decision was
-- made from, and when it was changed last: a change of its jitter moves no cursor.
-- No two sets of rows made here are joined: the planner takes them for single rows and would compare each with each.
-- `(… IN (…)) IS TRUE` is looked up in a hash table instead, and a schedule finds its windows by their place in the arrays.
WITH leader AS MATERIALIZED (
    SELECT asked.leads FROM (SELECT rowlock.holds_epoch('scheduler', %(epoch)s) AS leads) AS asked WHERE asked.leads
), free AS MATERIALIZED (
    SELECT schedule.tenant_id, schedule.name, schedule.id, schedule.overlap_policy, decided.cursor_at, decided.next_at,
           decided.first, decided.fires
      FROM unnest(%(tenant_ids)s::text[], %(names)s::text[], %(schedule_ids)s::uuid[], %(seen_cursors)s::timestamptz[],
                  %(seen_updates)s::timestamptz[], %(cursors)s::timestamptz[], %(nexts)s::timestamptz[],
                  %(firsts)s::integer[], %(fires)s::integer[])
             AS decided (tenant_id, name, id, seen_at, seen_updated_at, cursor_at, next_at, first, fires)
     CROSS JOIN leader
      JOIN rowlock.schedules AS schedule
        ON schedule.tenant_id = decided.tenant_id AND schedule.name = decided.name AND schedule.id = decided.id
       AND schedule.updated_at = decided.seen_updated_at
       AND schedule.cursor_at = decided.seen_at AND schedule.paused_at IS NULL
       FOR NO KEY UPDATE OF schedule SKIP LOCKED
), replacing AS MATERIALIZED (  -- what is accounted for already, by a backfill, takes nothing's place
    SELECT free.id FROM free
     WHERE free.overlap_policy = 'cancel_running' AND free.fires > 0
       AND NOT EXISTS (
            SELECT FROM rowlock.schedule_windows AS recorded
             WHERE recorded.schedule_id = free.id
               AND recorded.window_at = (%(fire_ats)s::timestamptz[])[free.first + free.fires])
), replaced AS MATERIALIZED (
    SELECT task.id, task.tenant_id
      FROM replacing
     CROSS JOIN LATERAL (
            SELECT held.id, held.tenant_id FROM rowlock.tasks_live AS held
             WHERE held.schedule_id = replacing.id AND NOT (
                    held.status = 'running' AND held.cancel_requested_at IS NOT NULL
                    AND greatest(held.visible_at, held.lease_expires_at) > rowlock.clock())
             LIMIT %(cancels_per_schedule)s
               FOR UPDATE SKIP LOCKED) AS task
     LIMIT %(cancels)s
), crowded AS MATERIALIZED (  -- not all that is to give way does so yet
    SELECT replacing.id FROM replacing
     WHERE EXISTS (
            SELECT FROM rowlock.tasks_live AS held
             WHERE held.schedule_id = replacing.id AND (held.id IN (SELECT replaced.id FROM replaced)) IS NOT TRUE
               AND NOT (
                    held.status = 'running' AND held.cancel_requested_at IS NOT NULL
                    AND greatest(held.visible_at, held.lease_expires_at) > rowlock.clock())
            OFFSET 0)
), moved AS MATERIALIZED (
    UPDATE rowlock.schedules AS schedule
       SET cursor_at = free.cursor_at, next_at = free.next_at
      FROM free
     WHERE schedule.tenant_id = free.tenant_id AND schedule.name = free.name AND schedule.id = free.id
       AND (free.id IN (SELECT crowded.id FROM crowded)) IS NOT TRUE
    RETURNING schedule.*, free.first, free.fires
), due AS MATERIALIZED (
    SELECT moved.*, (%(fire_ats)s::timestamptz[])[moved.first + nth] AS window_at,
           (%(task_ids)s::uuid[])[moved.first + nth] AS task_id,
           CASE moved.overlap_policy
                WHEN 'skip' THEN nth = 1 AND live.running + live.waiting = 0
                WHEN 'buffer_one' THEN nth + live.waiting <= CASE WHEN live.running > 0 THEN 1 ELSE 2 END
                WHEN 'cancel_running' THEN nth = moved.fires
                ELSE true END AS fits
      FROM moved
     CROSS JOIN LATERAL (
            SELECT count(*) FILTER (WHERE task.status = 'running') AS running,
                   count(*) FILTER (WHERE task.status <> 'running') AS waiting
              FROM rowlock.tasks_live AS task
             WHERE task.schedule_id = moved.id AND moved.overlap_policy <> 'allow') AS live
     CROSS JOIN LATERAL generate_series(1, moved.fires) AS nth
), reserved AS (
    INSERT INTO rowlock.schedule_windows AS recorded (
        schedule_id, window_at, tenant_id, outcome, task_id, reason, passed_after, epoch)
    SELECT due.id, due.window_at, due.tenant_id, CASE WHEN due.fits THEN 'fired' ELSE 'skipped' END,
           CASE WHEN due.fits THEN due.task_id END, CASE WHEN NOT due.fits THEN 'overlap' END, NULL, %(epoch)s
      FROM due
    UNION ALL
    SELECT told.schedule_id, told.window_at, told.tenant_id, 'skipped', NULL, told.reason, told.passed_after, %(epoch)s
      FROM unnest(%(skip_ids)s::uuid[], %(skip_ats)s::timestamptz[], %(skip_tenants)s::text[], %(reasons)s::text[],
                  %(passed_afters)s::timestamptz[])
             AS told (schedule_id, window_at, tenant_id, reason, passed_after)
     WHERE (told.schedule_id IN (SELECT moved.id FROM moved)) IS TRUE
    ON CONFLICT (schedule_id, window_at) DO UPDATE  -- its outcome stands, but the run before it must not be lost
       SET passed_after = least(recorded.passed_after, excluded.passed_after),
           reason = coalesce(recorded.reason, excluded.reason)
     WHERE excluded.passed_after IS NOT NULL
    RETURNING schedule_id, window_at, outcome, task_id, reason
), fired AS MATERIALIZED (
    SELECT due.* FROM due WHERE (due.task_id IN (SELECT reserved.task_id FROM reserved)) IS TRUE
), stored AS (
    INSERT INTO rowlock.tasks_live (
        id, tenant_id, queue, name, priority, lane, max_attempts, timeout_seconds, payload, payload_version, tags,
        schedule_id, window_at, deadline_at)
    SELECT fired.task_id, fired.tenant_id, fired.queue, fired.task_name, fired.priority,
           rowlock.schedule_lane(fired.tenant_id, fired.id, fired.overlap_policy), fired.max_attempts,
           fired.timeout_seconds, fired.payload, fired.payload_version, fired.tags, fired.id, fired.window_at,
           rowlock.clock() + make_interval(secs => (
               SELECT handler.expires_in_seconds FROM rowlock.handlers AS handler WHERE handler.name = fired.task_name))
      FROM fired
    RETURNING queue
), cancelled AS MATERIALIZED (
    SELECT rowlock.cancel_replaced(
            array_agg(replaced.id), array_agg(replaced.tenant_id), 'The next window of its schedule came due.',
            'scheduler') AS tasks
      FROM replaced HAVING count(*) > 0
), woken AS MATERIALIZED (
    SELECT pg_notify(rowlock.wake_channel(), touched.queue)
      FROM (SELECT DISTINCT stored.queue FROM stored) AS touched
)
SELECT NULL::uuid AS schedule_id, NULL::timestamptz AS window_at, NULL AS outcome, NULL::uuid AS task_id, NULL AS reason,
       (SELECT count(*) FROM woken) AS woken, (SELECT sum(cancelled.tasks) FROM cancelled) AS cancelled
UNION ALL
SELECT moved.id, NULL, NULL, NULL, NULL, NULL, NULL
  FROM moved
UNION ALL
SELECT reserved.schedule_id, reserved.window_at, reserved.outcome, reserved.task_id, reserved.reason, NULL, NULL
  FROM reserved
