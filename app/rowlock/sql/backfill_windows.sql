-- Fires windows of a schedule that are not accounted for as fired: past ones that somebody asks for. Overlap policies do
-- not hold it back, but the schedule's lane does where its tasks may not overlap.
-- Index: schedules' and schedule_windows' primary keys. Locks: the schedule's row for share, the windows' rows.
-- Fence: the schedule's last change, from which the windows were computed, and each window's primary key; `found` is 0
-- where the schedule was changed meanwhile.
WITH schedule AS MATERIALIZED (
    SELECT held.* FROM rowlock.schedules AS held
     WHERE held.tenant_id = %(tenant_id)s AND held.name = %(name)s AND held.id = %(id)s
       AND held.updated_at = %(seen_updated_at)s
       FOR SHARE
), fired AS (
    INSERT INTO rowlock.schedule_windows AS recorded (schedule_id, window_at, tenant_id, outcome, task_id, epoch)
    SELECT schedule.id, due.window_at, schedule.tenant_id, 'fired', due.task_id, 0
      FROM schedule
     CROSS JOIN unnest(%(window_ats)s::timestamptz[], %(task_ids)s::uuid[]) AS due (window_at, task_id)
    ON CONFLICT (schedule_id, window_at) DO UPDATE  -- a run of skipped windows that ends with this one keeps its reason
       SET outcome = 'fired', task_id = excluded.task_id, epoch = 0, recorded_at = rowlock.clock(),
           reason = CASE WHEN recorded.passed_after IS NOT NULL THEN recorded.reason END
     WHERE recorded.outcome = 'skipped'
    RETURNING window_at, task_id
), stored AS (
    INSERT INTO rowlock.tasks_live (
        id, tenant_id, queue, name, priority, lane, max_attempts, timeout_seconds, payload, payload_version, tags,
        schedule_id, window_at, deadline_at)
    SELECT fired.task_id, schedule.tenant_id, schedule.queue, schedule.task_name, schedule.priority,
           rowlock.schedule_lane(schedule.tenant_id, schedule.id, schedule.overlap_policy), schedule.max_attempts,
           schedule.timeout_seconds, schedule.payload, schedule.payload_version, schedule.tags, schedule.id, fired.window_at,
           rowlock.clock() + make_interval(secs => (
               SELECT handler.expires_in_seconds FROM rowlock.handlers AS handler WHERE handler.name = schedule.task_name))
      FROM fired CROSS JOIN schedule
    RETURNING queue
), noted AS (
    INSERT INTO rowlock.audit_log (tenant_id, actor, action, subject_kind, subject_id, detail, request_id)
    SELECT schedule.tenant_id, %(actor)s, 'schedule.backfill', 'schedule', schedule.name,
           jsonb_build_object('windows', cardinality(%(window_ats)s::timestamptz[]),
                              'fired', (SELECT count(*) FROM fired),
                              'first', (SELECT min(asked.at) FROM unnest(%(window_ats)s::timestamptz[]) AS asked (at)),
                              'last', (SELECT max(asked.at) FROM unnest(%(window_ats)s::timestamptz[]) AS asked (at))),
           %(request_id)s
      FROM schedule
), woken AS MATERIALIZED (
    SELECT pg_notify(rowlock.wake_channel(), touched.queue)
      FROM (SELECT DISTINCT stored.queue FROM stored) AS touched
)
SELECT (SELECT count(*) FROM schedule) AS found, (SELECT count(*) FROM woken) AS woken,
       (SELECT array_agg(fired.task_id ORDER BY fired.window_at) FROM fired) AS task_ids,
       (SELECT array_agg(fired.window_at ORDER BY fired.window_at) FROM fired) AS window_ats
