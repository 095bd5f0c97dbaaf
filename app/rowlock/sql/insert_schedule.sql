-- Stores a new schedule, whose windows count from now on. Where its tasks may not overlap, their lane is capped at one.
-- Index: schedules' and limits' primary keys. Locks: none that wait, unless another stores the same name.
-- Fence: the primary key; no row means that the name is taken.
WITH stored AS (
    INSERT INTO rowlock.schedules (
        id, tenant_id, name, trigger_kind, expression, timezone, anchor_at, starts_at, ends_at, jitter_seconds,
        allow_seconds, description, missed_run_policy, max_catch_up, catch_up_window_seconds, misfire_grace_seconds,
        overlap_policy, cursor_at, next_at, paused_at, paused_by, task_name, queue, priority, payload, payload_version,
        max_attempts, timeout_seconds, tags, source, application)
    VALUES (
        %(id)s, %(tenant_id)s, %(name)s, %(trigger_kind)s, %(expression)s, %(timezone)s, %(anchor_at)s, %(starts_at)s,
        %(ends_at)s, %(jitter_seconds)s, %(allow_seconds)s, %(description)s, %(missed_run_policy)s, %(max_catch_up)s,
        %(catch_up_window_seconds)s, %(misfire_grace_seconds)s, %(overlap_policy)s, %(cursor_at)s, %(next_at)s,
        CASE WHEN %(paused)s::boolean THEN rowlock.clock() END, CASE WHEN %(paused)s::boolean THEN %(actor)s::text END,
        %(task_name)s, %(queue)s, %(priority)s, %(payload)s::jsonb, %(payload_version)s, %(max_attempts)s,
        %(timeout_seconds)s, %(tags)s::text[], %(source)s, %(application)s)
    ON CONFLICT (tenant_id, name) DO NOTHING
    RETURNING id, tenant_id, name, queue, trigger_kind, expression, overlap_policy
), capped AS (
    INSERT INTO rowlock.limits (tenant_id, queue, lane, max_running)
    SELECT stored.tenant_id, stored.queue, rowlock.schedule_lane(stored.tenant_id, stored.id, stored.overlap_policy), 1
      FROM stored WHERE stored.overlap_policy <> 'allow'
    ON CONFLICT (queue, lane) DO NOTHING
), noted AS (
    INSERT INTO rowlock.audit_log (tenant_id, actor, action, subject_kind, subject_id, detail, request_id)
    SELECT stored.tenant_id, %(actor)s, 'schedule.create', 'schedule', stored.name,
           jsonb_build_object('id', stored.id, stored.trigger_kind, stored.expression), %(request_id)s
      FROM stored
)
SELECT stored.id FROM stored
