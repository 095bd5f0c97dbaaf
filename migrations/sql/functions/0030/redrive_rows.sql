-- Puts finished tasks back to work under their own ids, with all attempts ahead of them. Where an id was used again it is
-- the tenant's latest of its tasks, and none while one is live: subqueries ask for it by the primary keys, a row at a time,
-- where a join might read all of the history.
CREATE OR REPLACE FUNCTION rowlock.redrive_rows(tenant_id text, task_ids uuid[], actor text, request_id text)
RETURNS SETOF uuid
LANGUAGE sql AS $$
    WITH taken AS (
        DELETE FROM rowlock.tasks AS task
         WHERE task.id = ANY (redrive_rows.task_ids) AND task.tenant_id = redrive_rows.tenant_id
           AND task.expires_on < '9999-12-31' AND task.status IN ('dead', 'cancelled')
           AND task.expires_on = (
                SELECT latest.expires_on FROM rowlock.tasks AS latest
                 WHERE latest.id = task.id AND (latest.tenant_id = task.tenant_id OR latest.expires_on = '9999-12-31')
                 ORDER BY latest.finished_at DESC NULLS FIRST LIMIT 1)
        RETURNING task.*
    ), live AS (
        INSERT INTO rowlock.tasks_live (
            id, created_at, timeout_seconds, priority, max_attempts, payload_version, tenant_id, queue, lane, name,
            payload, reason, error, tags, metadata, idempotency_key, parent_id, workflow_id, schedule_id, window_at)
        SELECT taken.id, taken.created_at, taken.timeout_seconds, taken.priority, taken.max_attempts,
               taken.payload_version, taken.tenant_id, taken.queue, taken.lane, taken.name, taken.payload, 'redriven',
               taken.error, taken.tags, taken.metadata, taken.idempotency_key, taken.parent_id, taken.workflow_id,
               taken.schedule_id, taken.window_at
          FROM taken
        RETURNING id, queue, priority, lane, visible_at
    ), noted AS (
        INSERT INTO rowlock.audit_log (tenant_id, actor, action, subject_kind, subject_id, detail, request_id)
        SELECT taken.tenant_id, redrive_rows.actor, 'task.redrive', 'task', taken.id::text,
               jsonb_build_object('status', taken.status, 'reason', taken.reason, 'attempt', taken.attempt),
               redrive_rows.request_id
          FROM taken
    ), woken AS MATERIALIZED (
        SELECT pg_notify(rowlock.wake_channel(), news.told)
          FROM (SELECT DISTINCT CASE WHEN count(*) OVER (PARTITION BY live.queue) <= 8
                                THEN rowlock.news_of(live.queue, live.priority, live.lane, min(live.visible_at))
                                ELSE live.queue END AS told
                  FROM live
                 GROUP BY live.queue, live.priority, live.lane) AS news
    )
    -- Not LEFT JOIN: the planner would drop what adds nothing, and wake nobody.
    SELECT live.id FROM live CROSS JOIN (SELECT count(*) FROM woken) AS told
$$;
COMMENT ON FUNCTION rowlock.redrive_rows(text, uuid[], text, text) IS
    'Moves the dead or cancelled tasks among these back to work, audited; returns those moved.';
