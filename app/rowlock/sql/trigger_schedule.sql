-- Stores one task of a schedule outside its windows, whether the schedule is paused or not.
-- Index: schedules' primary key; inserts into all of tasks_live's. Locks: none that wait. Fence: the task's primary key.
WITH stored AS (
    INSERT INTO rowlock.tasks_live (
        id, tenant_id, queue, name, priority, lane, max_attempts, timeout_seconds, payload, tags, schedule_id)
    SELECT %(task_id)s, schedule.tenant_id, schedule.queue, schedule.task_name, schedule.priority, schedule.tenant_id,
           schedule.max_attempts, schedule.timeout_seconds, schedule.payload, schedule.tags, schedule.id
      FROM rowlock.schedules AS schedule
     WHERE schedule.tenant_id = %(tenant_id)s AND schedule.name = %(name)s
    RETURNING id, tenant_id, queue, name
), noted AS (
    INSERT INTO rowlock.audit_log (tenant_id, actor, action, subject_kind, subject_id, detail, request_id)
    SELECT stored.tenant_id, %(actor)s, 'schedule.trigger', 'schedule', %(name)s,
           jsonb_build_object('task_id', stored.id), %(request_id)s
      FROM stored
), woken AS MATERIALIZED (
    SELECT pg_notify(rowlock.wake_channel(), stored.queue) FROM stored
)
SELECT stored.id, stored.queue, stored.name FROM stored CROSS JOIN woken
