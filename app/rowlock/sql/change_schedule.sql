-- Writes what was changed of a schedule. Where its rule changed, the cursor moves to now, and the windows of the old rule
-- that nobody had fired are recorded as skipped.
-- Index: schedules', schedule_windows' and limits' primary keys. Locks: the schedule's row. Fence: the cursor and the time
-- of change that the decision was made from; no row means that somebody moved them meanwhile, and to decide anew.
WITH changed AS MATERIALIZED (
    UPDATE rowlock.schedules AS schedule
       SET trigger_kind = %(trigger_kind)s, expression = %(expression)s, timezone = %(timezone)s,
           anchor_at = %(anchor_at)s, starts_at = %(starts_at)s, ends_at = %(ends_at)s,
           jitter_seconds = %(jitter_seconds)s, allow_seconds = %(allow_seconds)s, description = %(description)s,
           missed_run_policy = %(missed_run_policy)s, max_catch_up = %(max_catch_up)s,
           catch_up_window_seconds = %(catch_up_window_seconds)s, misfire_grace_seconds = %(misfire_grace_seconds)s,
           overlap_policy = %(overlap_policy)s, cursor_at = %(cursor_at)s, next_at = %(next_at)s,
           task_name = %(task_name)s, queue = %(queue)s, priority = %(priority)s, payload = %(payload)s::jsonb,
           payload_version = %(payload_version)s, max_attempts = %(max_attempts)s,
           timeout_seconds = %(timeout_seconds)s, tags = %(tags)s::text[], source = %(source)s,
           application = %(application)s,
           paused_at = CASE WHEN %(resumes)s::boolean THEN NULL ELSE schedule.paused_at END,
           paused_by = CASE WHEN %(resumes)s::boolean THEN NULL ELSE schedule.paused_by END,
           updated_at = rowlock.clock()
     WHERE schedule.tenant_id = %(tenant_id)s AND schedule.name = %(name)s AND schedule.id = %(id)s
       AND schedule.cursor_at = %(seen_cursor_at)s AND schedule.updated_at = %(seen_updated_at)s
       AND schedule.paused_at IS NOT DISTINCT FROM %(seen_paused_at)s
    RETURNING schedule.id, schedule.tenant_id, schedule.name, schedule.queue, schedule.overlap_policy
), capped AS (  -- maintenance takes caps away that no schedule needs any more
    INSERT INTO rowlock.limits (tenant_id, queue, lane, max_running)
    SELECT changed.tenant_id, changed.queue, rowlock.schedule_lane(changed.tenant_id, changed.id, changed.overlap_policy), 1
      FROM changed WHERE changed.overlap_policy <> 'allow'
    ON CONFLICT (queue, lane) DO NOTHING
), skipped AS (
    INSERT INTO rowlock.schedule_windows AS recorded (
        schedule_id, window_at, tenant_id, outcome, reason, passed_after, epoch)
    SELECT changed.id, missed.window_at, changed.tenant_id, 'skipped', %(reason)s::text, missed.passed_after, 0
      FROM changed
     CROSS JOIN unnest(%(skipped)s::timestamptz[], %(passed_afters)s::timestamptz[]) AS missed (window_at, passed_after)
    ON CONFLICT (schedule_id, window_at) DO UPDATE  -- its outcome stands, but the run before it must not be lost
       SET passed_after = least(recorded.passed_after, excluded.passed_after),
           reason = coalesce(recorded.reason, excluded.reason)
     WHERE excluded.passed_after IS NOT NULL
), noted AS (
    INSERT INTO rowlock.audit_log (tenant_id, actor, action, subject_kind, subject_id, detail, request_id)
    SELECT changed.tenant_id, %(actor)s, %(action)s, 'schedule', changed.name, %(detail)s::jsonb, %(request_id)s
      FROM changed
)
SELECT changed.id FROM changed
