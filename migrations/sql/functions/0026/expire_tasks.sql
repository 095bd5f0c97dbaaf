-- Ends those of the tasks whose deadline has passed, unless a worker runs them: it stops them itself. Where the history has
-- a task of an id under the day already, that one makes room; while it is locked, or there is no room for it, the new one
-- is left as it is, and holds up no other.
CREATE OR REPLACE FUNCTION rowlock.expire_tasks(task_ids uuid[])
RETURNS TABLE (id uuid, tenant_id text, queue text, name text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    IF cardinality(task_ids) = 0 THEN
        RETURN;
    END IF;
    LOOP
        RETURN QUERY
        WITH due AS MATERIALIZED (
            SELECT task.* FROM rowlock.tasks_live AS task
             WHERE task.id = ANY (task_ids) AND task.deadline_at <= rowlock.clock()
               AND (task.status <> 'running' OR greatest(task.visible_at, task.lease_expires_at) <= rowlock.clock())
               FOR UPDATE
        ), history AS MATERIALIZED (
            INSERT INTO rowlock.tasks (
                id, visible_at, created_at, started_at, finished_at, lease_token, expires_on, status, worker_id,
                timeout_seconds, wait_seconds, priority, attempt, max_attempts, payload_version, tenant_id, queue, lane, name,
                payload, reason, error, progress, tags, metadata, idempotency_key, unique_key, parent_id, workflow_id,
                schedule_id, window_at, cancel_requested_at, deadline_at)
            SELECT due.id, rowlock.clock(), due.created_at, due.started_at, rowlock.clock(), due.lease_token,
                   rowlock.expiry_day(due.tenant_id, due.queue, 'dead'), 'dead', due.worker_id, due.timeout_seconds,
                   due.wait_seconds, due.priority, due.attempt, due.max_attempts, due.payload_version,
                   due.tenant_id, due.queue, due.lane, due.name, due.payload, 'expired',
                   concat_ws(E'\n', 'The task''s deadline passed before it had finished.', due.error), due.progress,
                   due.tags, due.metadata, due.idempotency_key, due.unique_key, due.parent_id, due.workflow_id,
                   due.schedule_id, due.window_at, due.cancel_requested_at, due.deadline_at
              FROM due
            ON CONFLICT (id, expires_on) DO NOTHING
            RETURNING id
        ), ended AS MATERIALIZED (
            DELETE FROM rowlock.tasks_live AS task WHERE task.id = ANY (ARRAY(SELECT history.id FROM history))
            RETURNING task.*
        ), attempts AS (  -- of those whose lease had run out
            INSERT INTO rowlock.executions (
                task_id, started_at, finished_at, lease_token, finished_on, worker_id, outcome, wait_seconds, run_seconds,
                attempt, tenant_id, queue, name, reason)
            SELECT ended.id, ended.started_at, rowlock.clock(), ended.lease_token, rowlock.execution_day(), ended.worker_id,
                   'lease_expired', ended.wait_seconds, extract(epoch FROM rowlock.clock() - ended.started_at),
                   ended.attempt, ended.tenant_id, ended.queue, ended.name, 'lease_expired'
              FROM ended WHERE ended.status = 'running'
        )
        SELECT ended.id, ended.tenant_id, ended.queue, ended.name FROM ended;

        EXIT WHEN NOT EXISTS (
            SELECT FROM rowlock.tasks_live AS task
             WHERE task.id = ANY (task_ids) AND task.deadline_at <= rowlock.clock()
               AND (task.status <> 'running' OR greatest(task.visible_at, task.lease_expires_at) <= rowlock.clock()));
        PERFORM rowlock.make_room(ARRAY(
            SELECT older.id
              FROM rowlock.tasks_live AS task
              JOIN rowlock.tasks AS older
                ON older.id = task.id AND older.expires_on = rowlock.expiry_day(task.tenant_id, task.queue, 'dead')
             WHERE task.id = ANY (task_ids)
               FOR UPDATE OF older SKIP LOCKED), 'dead');
        EXIT WHEN NOT FOUND;
    END LOOP;
END $$;
COMMENT ON FUNCTION rowlock.expire_tasks(uuid[]) IS
    'Ends, as dead with the reason expired, those of these tasks whose deadline has passed and which no worker runs; returns them.';
