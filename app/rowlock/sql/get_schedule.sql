-- One schedule, with the instant at which it was read.
-- Index: schedules' primary key. Locks: none. Fence: none; it only reads.
SELECT schedule.id, schedule.tenant_id, schedule.name, schedule.trigger_kind, schedule.expression, schedule.timezone,
       schedule.anchor_at, schedule.missed_run_policy, schedule.max_catch_up, schedule.cursor_at, schedule.next_at,
       schedule.paused_at, schedule.paused_by, schedule.task_name, schedule.queue, schedule.priority, schedule.payload,
       schedule.max_attempts, schedule.timeout_seconds, schedule.tags, schedule.source, schedule.created_at,
       schedule.updated_at, schedule.starts_at, schedule.ends_at, schedule.jitter_seconds, schedule.allow_seconds,
       schedule.catch_up_window_seconds, schedule.misfire_grace_seconds, schedule.overlap_policy, schedule.application,
       schedule.payload_version, rowlock.clock() AS read_at
  FROM rowlock.schedules AS schedule
 WHERE schedule.tenant_id = %(tenant_id)s AND schedule.name = %(name)s
