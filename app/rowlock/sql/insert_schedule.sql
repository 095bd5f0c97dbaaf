-- Stores a new schedule, whose windows count from now on.
-- Index: schedules' primary key. Locks: none that wait, unless another stores the same name. Fence: the primary key; no
-- row means that the name is taken.
WITH stored AS (
    INSERT INTO rowlock.schedules (
        id, tenant_id, name, trigger_kind, expression, timezone, anchor_at, missed_run_policy, max_catch_up, cursor_at,
        next_at, paused_at, paused_by, task_name, queue, priority, payload, max_attempts, timeout_seconds, tags, source)
    VALUES (
        %(id)s, %(tenant_id)s, %(name)s, %(trigger_kind)s, %(expression)s, %(timezone)s, %(anchor_at)s,
        %(missed_run_policy)s, %(max_catch_up)s, %(cursor_at)s, %(next_at)s,
        CASE WHEN %(paused)s::boolean THEN rowlock.clock() END, CASE WHEN %(paused)s::boolean THEN %(actor)s::text END,
        %(task_name)s, %(queue)s, %(priority)s, %(payload)s::jsonb, %(max_attempts)s, %(timeout_seconds)s,
        %(tags)s::text[], %(source)s)
    ON CONFLICT (tenant_id, name) DO NOTHING
    RETURNING id, tenant_id, name, trigger_kind, expression
), noted AS (
    INSERT INTO rowlock.audit_log (tenant_id, actor, action, subject_kind, subject_id, detail, request_id)
    SELECT stored.tenant_id, %(actor)s, 'schedule.create', 'schedule', stored.name,
           jsonb_build_object('id', stored.id, stored.trigger_kind, stored.expression), %(request_id)s
      FROM stored
)
SELECT stored.id FROM stored
