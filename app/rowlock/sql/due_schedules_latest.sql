-- The schedules that have a window due, latest first: asked for where more are overdue than one round takes, so that no
-- crowd of late ones hides those that are on time.
-- Index: schedules_due, backwards. Locks: none. Fence: none; fire_windows.sql checks the cursor again.
SELECT schedule.id, schedule.tenant_id, schedule.name, schedule.trigger_kind, schedule.expression, schedule.timezone,
       schedule.anchor_at, schedule.starts_at, schedule.ends_at, schedule.jitter_seconds, schedule.missed_run_policy,
       schedule.max_catch_up, schedule.catch_up_window_seconds, schedule.misfire_grace_seconds, schedule.cursor_at,
       schedule.queue, schedule.task_name, schedule.resumed_at, rowlock.clock() AS now_at
  FROM rowlock.schedules AS schedule
 WHERE schedule.next_at <= rowlock.clock() AND schedule.paused_at IS NULL
 ORDER BY schedule.next_at DESC
 LIMIT %(limit)s
