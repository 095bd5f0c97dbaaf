-- The schedules that have a window due, longest overdue first.
-- A next_at that the last change left in the past is as that change decided: the window may be due since then only.
-- Index: schedules_due. Locks: none. Fence: none; fire_windows.sql checks again what was seen.
SELECT schedule.id, schedule.tenant_id, schedule.name, schedule.trigger_kind, schedule.expression, schedule.timezone,
       schedule.anchor_at, schedule.starts_at, schedule.ends_at, schedule.jitter_seconds, schedule.missed_run_policy,
       schedule.max_catch_up, schedule.catch_up_window_seconds, schedule.misfire_grace_seconds, schedule.cursor_at,
       schedule.queue, schedule.task_name, schedule.resumed_at, schedule.updated_at,
       CASE WHEN schedule.next_at <= schedule.updated_at THEN schedule.next_at END AS due_since,
       rowlock.clock() AS now_at
  FROM rowlock.schedules AS schedule
 WHERE schedule.next_at <= rowlock.clock() AND schedule.paused_at IS NULL
 ORDER BY schedule.next_at
 LIMIT %(limit)s
