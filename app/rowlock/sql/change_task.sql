-- Changes priority and run time of a task that waits for a worker, notes who did it, and wakes workers if it is due now.
-- A run time in the past means now: workers' floors have passed whatever lies further back.
-- Index: tasks_live's primary key. Locks: its row. Fence: only a pending task is changed, so a claim wins or loses whole.
WITH changed AS (
    UPDATE rowlock.tasks_live AS task
       SET priority = coalesce(%(priority)s::smallint, task.priority),
           visible_at = coalesce(
               greatest(%(run_at)s::timestamptz, rowlock.clock() + make_interval(secs => %(delay_seconds)s::double precision),
                        CASE WHEN %(run_at)s::timestamptz IS NOT NULL THEN rowlock.clock() END),
               task.visible_at)
     WHERE task.id = %(id)s AND task.tenant_id = %(tenant_id)s AND task.status = 'pending'
    RETURNING task.id, task.queue, task.priority, task.visible_at
), noted AS (
    INSERT INTO rowlock.audit_log (tenant_id, actor, action, subject_kind, subject_id, detail, request_id)
    SELECT %(tenant_id)s, %(actor)s, 'task.change', 'task', changed.id::text,
           jsonb_build_object('priority', changed.priority, 'visible_at', changed.visible_at), %(request_id)s
      FROM changed
), woken AS MATERIALIZED (
    SELECT pg_notify(rowlock.wake_channel(), changed.queue) FROM changed WHERE changed.visible_at <= rowlock.clock()
)
SELECT changed.id, (SELECT count(*) FROM woken) AS woken FROM changed
