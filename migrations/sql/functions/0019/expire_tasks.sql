-- Ends those of the tasks whose deadline has passed, unless a worker runs them: it stops them itself.
CREATE OR REPLACE FUNCTION rowlock.expire_tasks(task_ids uuid[])
RETURNS TABLE (id uuid, tenant_id text, queue text, name text)
LANGUAGE sql AS $$
    WITH ended AS MATERIALIZED (
        DELETE FROM rowlock.tasks_live AS task
         WHERE task.id = ANY (expire_tasks.task_ids) AND task.deadline_at <= rowlock.clock()
           AND (task.status <> 'running' OR greatest(task.visible_at, task.lease_expires_at) <= rowlock.clock())
        RETURNING task.*
    ), history AS (
        INSERT INTO rowlock.tasks (
            id, visible_at, created_at, started_at, finished_at, lease_token, expires_on, status, worker_id,
            timeout_seconds, wait_seconds, priority, attempt, max_attempts, payload_version, tenant_id, queue, lane, name,
            payload, reason, error, progress, tags, metadata, idempotency_key, unique_key, parent_id, workflow_id,
            schedule_id, window_at, cancel_requested_at, deadline_at)
        SELECT ended.id, rowlock.clock(), ended.created_at, ended.started_at, rowlock.clock(), ended.lease_token,
               rowlock.expiry_day(ended.tenant_id, ended.queue, 'dead'), 'dead', ended.worker_id, ended.timeout_seconds,
               ended.wait_seconds, ended.priority, ended.attempt, ended.max_attempts, ended.payload_version,
               ended.tenant_id, ended.queue, ended.lane, ended.name, ended.payload, 'expired',
               concat_ws(E'\n', 'The task''s deadline passed before it had finished.', ended.error), ended.progress,
               ended.tags, ended.metadata, ended.idempotency_key, ended.unique_key, ended.parent_id, ended.workflow_id,
               ended.schedule_id, ended.window_at, ended.cancel_requested_at, ended.deadline_at
          FROM ended
    ), attempts AS (  -- of those whose lease had run out
        INSERT INTO rowlock.executions (
            task_id, started_at, finished_at, lease_token, finished_on, worker_id, outcome, wait_seconds, run_seconds,
            attempt, tenant_id, queue, name, reason)
        SELECT ended.id, ended.started_at, rowlock.clock(), ended.lease_token, rowlock.execution_day(), ended.worker_id,
               'lease_expired', ended.wait_seconds, extract(epoch FROM rowlock.clock() - ended.started_at),
               ended.attempt, ended.tenant_id, ended.queue, ended.name, 'lease_expired'
          FROM ended WHERE ended.status = 'running'
    )
    SELECT ended.id, ended.tenant_id, ended.queue, ended.name FROM ended
$$;
COMMENT ON FUNCTION rowlock.expire_tasks(uuid[]) IS
    'Ends, as dead with the reason expired, those of these tasks whose deadline has passed and which no worker runs; returns them.';
