-- A tenant's schedules by name, those past a name; or only those that code declares.
-- Index: schedules' primary key, one partition each, merged. Locks: none. Fence: none; it only reads.
SELECT schedule.id, schedule.tenant_id, schedule.name, schedule.trigger_kind, schedule.expression, schedule.timezone,
       schedule.anchor_at, schedule.missed_run_policy, schedule.max_catch_up, schedule.cursor_at, schedule.next_at,
       schedule.paused_at, schedule.paused_by, schedule.task_name, schedule.queue, schedule.priority, schedule.payload,
       schedule.max_attempts, schedule.timeout_seconds, schedule.tags, schedule.source, schedule.created_at,
       schedule.updated_at, rowlock.clock() AS read_at
  FROM rowlock.schedules AS schedule
 WHERE schedule.tenant_id = %(tenant_id)s AND schedule.name > %(past)s
   AND (%(source)s::text IS NULL OR schedule.source = %(source)s::text)
 ORDER BY schedule.name
 LIMIT %(limit)s
